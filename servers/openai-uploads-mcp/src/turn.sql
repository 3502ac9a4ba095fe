-- How many calls have taken an upload up: one that was given up is cancelled unless another has gone on with it.
ALTER TABLE upload ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
