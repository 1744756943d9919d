//! Paged walks: rows in the order of their keys, a page at a time, so that a walk holds one page in memory.

use std::future::Future;

/// The position of a walk over rows with ascending keys.
///
/// Rows added before the position during the walk are not seen; rows after it are.
pub struct Pages<K> {
    after: Option<K>,
    limit: usize,
}

impl<K: Copy> Pages<K> {
    /// A walk from the first row, with up to `limit` rows in a page.
    pub fn new(limit: usize) -> Pages<K> {
        Pages { after: None, limit }
    }

    /// The next page, which `read(after, limit)` reads; `None` after the last page.
    ///
    /// # Errors
    /// As `read`. The position stays, so that the same page can be read again.
    pub async fn next_page<T, E, F>(
        &mut self,
        read: impl FnOnce(Option<K>, usize) -> F,
    ) -> Result<Option<Vec<(K, T)>>, E>
    where
        F: Future<Output = Result<Vec<(K, T)>, E>>,
    {
        let page = read(self.after, self.limit).await?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        self.after = Some(*last);
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_walk_reads_every_row_once_and_then_ends() {
        let rows: Vec<_> = (0..7u8).map(|key| (key, key * 10)).collect();
        let read = |after: Option<u8>, limit: usize| {
            let rest = rows.iter().copied().filter(move |(key, _)| after.is_none_or(|after| *key > after));
            std::future::ready(Ok::<Vec<_>, ()>(rest.take(limit).collect()))
        };
        let (mut pages, mut seen) = (Pages::new(3), Vec::new());
        while let Some(page) = pages.next_page(read).await.expect("a page") {
            assert!(page.len() <= 3);
            seen.extend(page);
        }
        assert_eq!(seen, rows);
    }

    #[tokio::test]
    async fn a_page_that_failed_is_read_again() {
        let mut pages = Pages::new(1);
        let failed = pages.next_page(|_, _| std::future::ready(Err::<Vec<(u8, ())>, _>("down"))).await;
        assert_eq!(failed, Err("down"));
        let page =
            pages.next_page(|after, _| std::future::ready(Ok::<_, ()>(vec![(after.map_or(1, |_| 2), ())]))).await;
        assert_eq!(page, Ok(Some(vec![(1, ())])));
    }
}
