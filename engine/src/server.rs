//! The server (*shell*): puts the rooms together and runs them until it is told to stop.
