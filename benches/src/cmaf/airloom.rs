//! airloom-rtmp's FLV reader into airloom-segmenter.

use std::path::Path;

use crate::input::Input;
use crate::measure::Contender;

pub(super) fn enter<'a>(
    _contenders: &mut Vec<Contender<'a>>,
    _input: &'a Input,
    _place: (&Path, &'static str),
) {
}
