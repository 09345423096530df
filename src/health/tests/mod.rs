use std::net::IpAddr;

use super::*;
use crate::decide::Millis;

mod agent;
mod laws;
mod ward;
mod watch;
