CREATE INDEX verdict_at ON verdict (at);
