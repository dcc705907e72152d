//! Kea's lease file: journal, load, compaction.
