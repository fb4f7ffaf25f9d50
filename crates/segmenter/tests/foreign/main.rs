//! MP4 files that others made, box by box: legal and rare, broken, or made to harm.

#[path = "../rig/boxes.rs"]
#[allow(dead_code, unreachable_pub, reason = "written for fragments that the segmenter makes")]
mod boxes;
mod broken;
mod edits;
mod file;
mod fragments;
mod tables;
