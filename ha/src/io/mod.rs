//! Threads and connections (*shell*): driver, client pool, dedicated listener.
