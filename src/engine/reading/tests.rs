use super::*;

#[tokio::test]
async fn room_for_sessions_is_one_for_all_lists_and_is_given_back() {
    let held = AtomicUsize::new(0);
    let node = Node::whole();
    let mut first = Reading::new(&node, &held);
    let mut second = Reading::new(&node, &held);
    assert!(first.room.take(MOST_SESSIONS - 1));
    assert!(second.room.take(1));
    assert!(!second.room.take(1));
    drop(first);
    assert!(second.room.take(MOST_SESSIONS - 2));
    drop(second);
    assert_eq!(held.load(Ordering::Relaxed), 0);
}
