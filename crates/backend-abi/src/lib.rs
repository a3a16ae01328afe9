//! backend-abi
