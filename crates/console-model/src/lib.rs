//! console-model
