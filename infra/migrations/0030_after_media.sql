-- References to files live in `media`; no code writes or reads them here any more.

ALTER TABLE messages DROP COLUMN media;
