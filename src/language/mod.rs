//! Text to statements, with every mistake told.
