//! What several services share: the columns of Redis' own list, pages of a list, nodes of an instance, ids in paths, and values and
//! times as clouds tell them.

pub(super) mod client_list;
pub(super) mod ids;
pub(super) mod nodes;
pub(super) mod paging;
pub(super) mod path;
pub(super) mod times;
pub(super) mod tokens;
pub(super) mod value;
