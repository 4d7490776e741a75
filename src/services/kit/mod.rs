//! What several services share: pages of a list, nodes of an instance, ids in paths, and values and
//! times as clouds tell them.

pub(super) mod ids;
pub(super) mod nodes;
pub(super) mod paging;
pub(super) mod path;
pub(super) mod times;
pub(super) mod tokens;
pub(super) mod value;
