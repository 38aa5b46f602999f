// The project at Railway: `railway config plan --file infra/railway/railway.ts`, then `apply` (docs/deploy.md).
import { defineRailway, github, postgres, preserve, project, service, volume } from 'railway/iac'

// Set once at Railway and never written here. Name here whatever else is set (ANTHROPIC_API_KEY, SENTRY_DSN): `apply`
// takes away what no file names.
const KEPT = [
  'LEADSRALLY_DATABASE_ROOT',
  'LEADSRALLY_ROLE_KEY',
  'LEADSRALLY_MASTER_KEYS',
  'LEADSRALLY_HASH_KEY',
  'LEADSRALLY_TOKEN_KEY',
  'LEADSRALLY_LINK_KEY',
  'RESEND_API_KEY',
  'RESEND_WEBHOOK_SECRETS',
  'LEADSRALLY_PUBLIC_URL',
  'LEADSRALLY_APP_URL',
  'LEADSRALLY_MAIL_FROM',
]

export default defineRailway(() => {
  const db = postgres('postgres')
  const files = volume('files', { sizeMB: 10_240 })
  const app = service('leadsrally', {
    source: github('leadsrally/leadsrally', { branch: 'main' }),
    healthcheck: '/healthz',
    healthcheckTimeout: 300, // a first start applies every migration
    replicas: 1, // a volume belongs to one; schedules and queues stand more
    volumeMounts: { '/data': files },
    env: {
      ...Object.fromEntries(KEPT.map((name) => [name, preserve()])),
      RAILWAY_DOCKERFILE_PATH: 'infra/railway/Dockerfile',
      LEADSRALLY_ENV: 'production',
      LEADSRALLY_HOSTED_BY: 'railway',
      LEADSRALLY_STORAGE_DIR: '/data',
      LEADSRALLY_ADDRESS_HEADER: 'x-real-ip', // which Railway's proxy replaces
      // Without a user: each function logs in with a role and a password of its own, never with the image's superuser.
      DATABASE_URL: 'postgresql://${{postgres.PGHOST}}:5432/leadsrally?sslmode=verify-ca',
    },
  })
  return project('leadsrally', { resources: [db, files, app] })
})
