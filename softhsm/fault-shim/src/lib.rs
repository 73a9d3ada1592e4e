//! A PKCS #11 module that passes calls on to another one and answers chosen functions with chosen codes.
//!
//! It stands between a program and a real token, so that a test can see what the program does when the token fails: at
//! which call, with which code, or with an answer that is wrong and says that all is well. Every function of the
//! function lists of PKCS #11 2.40 and 3.0 is wrapped; those that 3.2 adds, and vendors' own interfaces, are passed on.
//!
//! Three environment variables say what it does. They are read once, when the module is loaded:
//!
//! | variable | |
//! |---|---|
//! | `STRONGROOM_FAULT_MODULE` | path of the real module |
//! | `STRONGROOM_FAULT_PLAN` | path of the plan: read anew at every call; where there is none, every call is passed on |
//! | `STRONGROOM_FAULT_TRACE` | path of a file to which every call appends a line; unset, nothing is written |
//! | `STRONGROOM_FAULT_PARAMETERS` | library parameters for `C_Initialize`, for NSS softokn, which takes its configuration there |
//!
//! The format of a plan is told at [`plan`]. A trace has one line for each call, the function's name, and behind it the
//! answer where the plan gave one.

#![allow(unsafe_code, reason = "speaks C's calling convention in both directions")]

pub mod plan;

mod codes;
mod entry;
mod intercept;
mod module;
mod output;
mod parameters;
mod wrappers;
