"""Networks side by side: as a table, as data, and as charts."""
