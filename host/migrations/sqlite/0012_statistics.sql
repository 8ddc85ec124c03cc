-- SQLite knows nothing of how many rows a table has, and takes what a whole workspace has for as few as what one conversation or contact has: timelines were
-- read by going through all events. These figures, rows in all and to each prefix of an index, have it choose as with a year's work. PostgreSQL counts by itself.
ANALYZE events;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('events', 'events', '400000 400000 1'),
    ('events', 'events_of_conversation', '60000 60000 6 1'),
    ('identities', 'identities', '10000 10000 2500 1'),
    ('identities', 'identities_of_contact', '10000 10000 1');
ANALYZE sqlite_schema;
