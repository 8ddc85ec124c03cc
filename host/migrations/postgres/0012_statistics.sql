-- PostgreSQL counts its rows by itself.
SELECT 1;
