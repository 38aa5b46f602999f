-- The words of a message stand in `words`; no code reads this any more.

ALTER TABLE messages DROP COLUMN search;
