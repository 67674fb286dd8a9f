-- What each station's gain had come to, against what it used to be: once an hour.
CREATE TABLE station_gains (
    station     text NOT NULL,
    ts          timestamptz NOT NULL,       -- end of the hour
    gain        double precision NOT NULL,  -- 1.1: it reads a tenth more than it used to
    PRIMARY KEY (station, ts)
);
CREATE INDEX station_gains_by_time ON station_gains (ts);
-- Health and reports ask for spans of time.
CREATE INDEX flags_by_time ON flags (ts);
