"""The OpenAPI document on standard output: `python -m infra.local.contract`. The front end's types come from it."""

import json

from functions.api.handler import app

if __name__ == "__main__":
    print(json.dumps(app.openapi()))
