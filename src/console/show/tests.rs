//! What is shown, to the letter.
