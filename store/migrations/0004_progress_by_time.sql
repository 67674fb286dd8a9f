-- Analytics asks each minute what crews have said lately.
CREATE INDEX progress_by_time ON progress (ts);
