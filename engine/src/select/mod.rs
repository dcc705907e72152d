//! Which subnet a query belongs to: an index by relay address and a prefix table, never a scan. Pure.
