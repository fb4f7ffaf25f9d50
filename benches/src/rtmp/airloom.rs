//! airloom-rtmp.

use super::Wire;
use crate::measure::Contender;

pub(super) fn enter<'a>(_contenders: &mut Vec<Contender<'a>>, _wire: &'a Wire) {}
