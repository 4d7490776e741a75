//! Lists whose pages start at an offset, counted in items.

use crate::access::Answer;
use crate::services::{Cursor, Error, Kind};

/// No node holds more sessions than this; a list that goes on longer is not believed.
const MOST_SESSIONS: usize = 1_000_000;

/// How many sessions a page of a list that moves shows again of the one before, of a hundred: as
/// many may end in between without taking anybody else past the eyes of whoever reads on.
const OVERLAP: usize = 5;

/// Where a page starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::services) struct Place {
    /// Counted in items.
    pub(in crate::services) offset: usize,
    /// How many of its first items were on the page before.
    known: usize,
    /// What tells the list of the page before apart from another taken later, if anything does.
    pub(in crate::services) stamp: Option<String>,
}

/// One page of such a list.
#[derive(Clone, Debug)]
pub(in crate::services) struct Slice {
    /// Where it starts.
    pub(in crate::services) place: Place,
    /// How many items were asked for.
    pub(in crate::services) limit: usize,
    /// How many came.
    pub(in crate::services) got: usize,
    /// How many of the last ones nobody is shown, so that they join no two pages.
    pub(in crate::services) hidden: usize,
    /// How many the whole list has, if the answer tells.
    pub(in crate::services) total: Option<usize>,
    /// Whether the list moves on between two pages.
    pub(in crate::services) moves: bool,
}

/// Where the page after `after` starts.
///
/// # Errors
/// [`Kind::Configuration`] if the cursor is not one that [`next`] made.
pub(in crate::services) fn place(
    operation: &'static str,
    after: Option<&Cursor>,
) -> Result<Place, Error> {
    let Some(cursor) = after else { return Ok(Place::default()) };
    let read = || {
        let mut parts = cursor.0.splitn(3, '/');
        let mut number = || parts.next()?.parse().ok();
        let (offset, known) = (number()?, number()?);
        Some(Place { offset, known, stamp: parts.next().map(str::to_owned) })
    };
    read().ok_or_else(|| Error::new(Kind::Configuration, operation, "a cursor of another list"))
}

/// The items of a page, which are absent only where the list has none by its own count. An answer
/// without either is not an empty list: who is on it would count as gone.
///
/// # Errors
/// [`Kind::Malformed`] if they are absent otherwise.
pub(in crate::services) fn items<T>(
    answer: &Answer,
    items: Option<Vec<T>>,
    total: Option<usize>,
) -> Result<Vec<T>, Error> {
    match (items, total) {
        (Some(items), _) => Ok(items),
        (None, Some(0)) => Ok(Vec::new()),
        (None, _) => Err(answer.malformed("the answer holds no list")),
    }
}

/// Where the next page starts; None after the last. A list must end by its own count, and go
/// forward until then. One without a count ends with an empty page: a short page may only mean
/// that the cloud gives fewer at a time than it was asked for. A page of a list that moves begins
/// with the last few items of the one before, counted from the last that is shown; that costs some
/// pages more in a hundred, and spares a second reading of the whole list.
///
/// # Errors
/// [`Kind::Malformed`] if it does not go forward, or never ends.
pub(in crate::services) fn next(answer: &Answer, page: Slice) -> Result<Option<Cursor>, Error> {
    let Slice { place: Place { offset, known, .. }, limit, got, hidden, total, moves } = page;
    let end = offset.saturating_add(got);
    let more = match total {
        Some(total) => end < total || got >= limit,
        None => got > known,
    };
    if more && got == 0 {
        return Err(answer.malformed(format!("an empty page at {offset}, before the end")));
    }
    if end > MOST_SESSIONS {
        return Err(answer.malformed(format!("a list of more than {MOST_SESSIONS} sessions")));
    }
    // It must go forward all the same.
    let overlap = (limit * OVERLAP / 100).max(1).saturating_add(hidden).min(got.saturating_sub(1));
    let again = if moves { overlap } else { 0 };
    Ok(more.then(|| Cursor(format!("{}/{again}", end - again))))
}

/// A page that starts there.
pub(in crate::services) fn at(offset: usize) -> Cursor {
    Cursor(format!("{offset}/0"))
}

/// The same place of a list that is told apart from others by `stamp`.
pub(in crate::services) fn stamped(next: Option<Cursor>, stamp: &str) -> Option<Cursor> {
    next.map(|cursor| Cursor(format!("{}/{stamp}", cursor.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_of(
        offset: usize,
        got: usize,
        total: impl Into<Option<usize>>,
        moves: bool,
    ) -> Result<Option<usize>, Kind> {
        let known = usize::from(moves && offset > 0) * 5;
        let place = Place { offset, known, stamp: None };
        let page = Slice { place, limit: 100, got, hidden: 0, total: total.into(), moves };
        let cursor = next(&Answer::silent(), page).map_err(|error| error.kind)?;
        Ok(cursor.map(|cursor| super::place("List", Some(&cursor)).unwrap().offset))
    }

    #[test]
    fn a_list_ends_by_its_count_or_without_one_by_an_empty_page() {
        for (offset, got, total, expected) in [
            (0, 0, Some(0), Ok(None)),
            (0, 30, Some(30), Ok(None)),
            (0, 100, Some(130), Ok(Some(100))),
            (100, 30, Some(130), Ok(None)),
            // The cloud gave fewer than asked for.
            (0, 20, Some(130), Ok(Some(20))),
            // The count is behind the list.
            (0, 100, Some(100), Ok(Some(100))),
            // Sessions have ended between two pages.
            (100, 0, Some(90), Ok(None)),
            (100, 0, Some(130), Err(Kind::Malformed)),
            (0, 20, None, Ok(Some(20))),
            (20, 0, None, Ok(None)),
            (MOST_SESSIONS, 1, None, Err(Kind::Malformed)),
            (usize::MAX, 100, Some(usize::MAX), Err(Kind::Malformed)),
        ] {
            assert_eq!(next_of(offset, got, total, false), expected, "{offset} {got} {total:?}");
        }
    }

    #[test]
    fn a_page_of_a_list_that_moves_begins_with_the_last_items_of_the_one_before() {
        for (offset, got, total, expected) in [
            (0, 30, Some(30), Ok(None)),
            (0, 100, Some(130), Ok(Some(95))),
            (95, 35, Some(130), Ok(None)),
            (0, 100, Some(100), Ok(Some(95))),
            (95, 5, Some(100), Ok(None)),
            // Only known ones came, or fewer than asked for: it goes forward all the same.
            (95, 5, Some(130), Ok(Some(96))),
            (99, 1, Some(130), Ok(Some(100))),
            (99, 2, Some(130), Ok(Some(100))),
            (0, 1, Some(3), Ok(Some(1))),
            (0, 20, None, Ok(Some(15))),
            (15, 5, None, Ok(None)),
            (15, 0, None, Ok(None)),
            (15, 6, None, Ok(Some(16))),
        ] {
            assert_eq!(next_of(offset, got, total, true), expected, "{offset} {got} {total:?}");
        }
    }

    #[test]
    fn a_cursor_tells_what_is_known_and_of_which_list() {
        let cursor = Some(Cursor("95/5".into()));
        let stamped = stamped(cursor.clone(), "17/30");
        let read = |cursor: &Option<Cursor>| place("List", cursor.as_ref()).unwrap();
        assert_eq!(read(&cursor), Place { offset: 95, known: 5, stamp: None });
        let stamp = Some("17/30".to_owned());
        assert_eq!(read(&stamped), Place { offset: 95, known: 5, stamp });
    }

    #[test]
    fn two_pages_are_joined_by_somebody_who_is_shown() {
        for (hidden, expected) in [(0, 95), (1, 94), (3, 92), (99, 1), (100, 1)] {
            let page = Slice {
                place: Place::default(),
                limit: 100,
                got: 100,
                hidden,
                total: Some(130),
                moves: true,
            };
            let cursor = next(&Answer::silent(), page).unwrap();
            assert_eq!(place("List", cursor.as_ref()).unwrap().offset, expected, "{hidden}");
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_not_followed() {
        assert_eq!(place("List", None), Ok(Place::default()));
        for foreign in ["", "-1/0", "5", "token", "99999999999999999999/0"] {
            let error = place("List", Some(&Cursor(foreign.into()))).unwrap_err();
            assert_eq!(error.kind, Kind::Configuration, "{foreign}");
        }
    }
}
