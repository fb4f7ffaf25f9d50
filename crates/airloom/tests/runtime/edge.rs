//! An edge in front of a real origin over the loopback, and of servers that are none. Media goes in
//! by hand, so nothing here depends on how fast the machine is.

mod site;

mod collapse;
mod failures;
mod manners;
mod outage;
