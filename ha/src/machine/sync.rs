//! The order of a synchronisation's requests (Kea guide, "Lease Database Synchronization"). Pure:
//! it says what to ask next and is told the answer. Must not know leases: a page's end is text.

use std::net::IpAddr;

use super::action::{CallError, SyncDone};

/// The next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// peregrine-ha-return: the partner goes on serving, and keeps what changes from now on.
    Begin,
    /// dhcp-disable, for so many seconds or without end. Sent before each page.
    Disable(Option<u32>),
    /// lease4-get-page or lease6-get-page, after an address or from the start.
    Page(Option<String>),
    /// ha-sync-complete-notify.
    Notify,
    /// dhcp-enable.
    Enable,
}

/// What a successful request brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing but success.
    Done,
    /// A page.
    Page {
        /// Number of leases in it, bad ones included.
        count: usize,
        /// The address of the last one.
        last: Option<String>,
    },
    /// ha-sync-complete-notify is not known to the partner (result 2).
    Unsupported,
}

/// A synchronisation under way. Call [`next`](Self::next), send the request, tell
/// [`handle`](Self::handle), until `next` gives the end.
#[derive(Clone, Debug)]
pub struct Transfer {
    step: Step,
    max_period_s: Option<u32>,
    page_limit: usize,
    /// The partner goes on serving.
    serving: bool,
    after: Option<String>,
    leases: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Ask(Request),
    /// The service is being given back after this failure.
    GiveBack(CallError),
    End(Result<SyncDone, CallError>),
}

impl Transfer {
    /// A new one: pages of `page_limit` leases, the partner's service off for `max_period_s`.
    pub const fn new(page_limit: usize, max_period_s: Option<u32>) -> Self {
        let step = Step::Ask(Request::Disable(max_period_s));
        Self { step, max_period_s, page_limit, serving: false, after: None, leases: 0 }
    }

    /// As [`Self::new`], while the partner serves.
    pub const fn while_serving(page_limit: usize) -> Self {
        let step = Step::Ask(Request::Begin);
        Self { step, max_period_s: None, page_limit, serving: true, after: None, leases: 0 }
    }

    /// What to send next, or how it ended.
    pub fn next(&self) -> Result<Request, Result<SyncDone, CallError>> {
        match &self.step {
            Step::Ask(request) => Ok(request.clone()),
            Step::GiveBack(_) => Ok(Request::Enable),
            Step::End(result) => Err(result.clone()),
        }
    }

    /// The answer to the request that [`Self::next`] gave.
    pub fn handle(&mut self, answer: Result<Reply, CallError>) {
        self.step = match (&self.step, answer) {
            // What the partner was owed did not reach it.
            (Step::End(Ok(_)), Err(error)) => Step::End(Err(error)),
            (Step::End(result), _) => Step::End(result.clone()),
            (Step::GiveBack(why), _) => Step::End(Err(why.clone())),
            (Step::Ask(request), Ok(reply)) => self.after_success(&request.clone(), reply),
            // Before the first page, a failed dhcp-disable changed nothing that has to be given
            // back.
            (Step::Ask(Request::Disable(_)), Err(error)) if self.after.is_none() => {
                Step::End(Err(error))
            }
            (Step::Ask(_), Err(error)) if self.serving => Step::End(Err(error)),
            (Step::Ask(Request::Enable), Err(error)) => Step::End(Err(error)),
            (Step::Ask(_), Err(error)) => Step::GiveBack(error),
        };
    }

    /// The end of one that failed.
    const fn give_back(&self, why: CallError) -> Step {
        if self.serving { Step::End(Err(why)) } else { Step::GiveBack(why) }
    }

    fn after_success(&mut self, request: &Request, reply: Reply) -> Step {
        match (request, reply) {
            (Request::Disable(_) | Request::Begin, _) => {
                Step::Ask(Request::Page(self.after.clone()))
            }
            (Request::Page(after), Reply::Page { count, last }) => {
                self.leases += count as u64;
                if count < self.page_limit.max(1) {
                    let end = Step::End(Ok(SyncDone { leases: self.leases }));
                    return if self.serving { end } else { Step::Ask(Request::Notify) };
                }
                // Pages that go in a circle would be asked for for ever, and hide leases.
                if !leads_on(after.as_deref(), last.as_deref()) {
                    let text = "the partner sent a page of leases that does not lead on";
                    return self.give_back(CallError::Malformed(text.into()));
                }
                self.after = last.clone();
                Step::Ask(match self.serving {
                    true => Request::Page(last),
                    false => Request::Disable(self.max_period_s),
                })
            }
            (Request::Notify, Reply::Unsupported) => Step::Ask(Request::Enable),
            (Request::Page(_), _) => {
                self.give_back(CallError::Malformed("the partner sent no page of leases".into()))
            }
            (Request::Notify | Request::Enable, _) => {
                Step::End(Ok(SyncDone { leases: self.leases }))
            }
        }
    }
}

/// Whether a page after the address `after` ends above it.
fn leads_on(after: Option<&str>, last: Option<&str>) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let Some(last) = last.and_then(address) else { return false };
    after.and_then(address).is_none_or(|after| after < last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a transfer against scripted answers; gives the requests and the end.
    fn script(answers: &[Result<Reply, CallError>]) -> (Vec<Request>, Result<SyncDone, CallError>) {
        let mut transfer = Transfer::new(2, Some(60));
        let mut asked = Vec::new();
        for answer in answers {
            asked.push(transfer.next().unwrap());
            transfer.handle(answer.clone());
        }
        (asked, transfer.next().unwrap_err())
    }

    fn page(count: usize, last: Option<&str>) -> Result<Reply, CallError> {
        Ok(Reply::Page { count, last: last.map(str::to_owned) })
    }

    fn failure() -> CallError {
        CallError::Communication("connection refused".into())
    }

    #[test]
    fn the_service_is_switched_off_before_each_page() {
        let done = || Ok(Reply::Done);
        let (asked, end) =
            script(&[done(), page(2, Some("192.0.2.2")), done(), page(0, None), done()]);
        let disable = Request::Disable(Some(60));
        let second = Request::Page(Some("192.0.2.2".into()));
        assert_eq!(asked, [disable.clone(), Request::Page(None), disable, second, Request::Notify]);
        assert_eq!(end, Ok(SyncDone { leases: 2 }));
    }

    #[test]
    fn a_partner_that_goes_on_serving_is_told_once() {
        let mut transfer = Transfer::while_serving(2);
        assert_eq!(transfer.next(), Ok(Request::Begin));
        transfer.handle(Ok(Reply::Done));
        assert_eq!(transfer.next(), Ok(Request::Page(None)));
        transfer.handle(page(2, Some("192.0.2.2")));
        assert_eq!(transfer.next(), Ok(Request::Page(Some("192.0.2.2".into()))));
        let mut failed = transfer.clone();
        failed.handle(Err(failure()));
        assert_eq!(failed.next(), Err(Err(failure())), "nothing is to be given back");
        transfer.handle(page(1, Some("192.0.2.3")));
        assert_eq!(transfer.next(), Err(Ok(SyncDone { leases: 3 })));
    }

    #[test]
    fn an_old_partner_has_its_service_switched_on_instead() {
        let (asked, end) =
            script(&[Ok(Reply::Done), page(0, None), Ok(Reply::Unsupported), Ok(Reply::Done)]);
        assert_eq!(asked[2..], [Request::Notify, Request::Enable]);
        assert!(end.is_ok());
    }

    #[test]
    fn what_was_switched_off_is_given_back_after_a_failure() {
        let (_, end) = script(&[Err(failure())]);
        assert_eq!(end, Err(failure()));
        let (asked, end) = script(&[Ok(Reply::Done), Err(failure()), Err(failure())]);
        assert_eq!(asked[2], Request::Enable);
        assert_eq!(end, Err(failure()));
        let (asked, _) = script(&[Ok(Reply::Done), page(0, None), Err(failure()), Ok(Reply::Done)]);
        assert_eq!(asked[3], Request::Enable);
        let (asked, _) =
            script(&[Ok(Reply::Done), page(2, Some("192.0.2.2")), Err(failure()), Ok(Reply::Done)]);
        assert_eq!(asked[3], Request::Enable);
    }

    /// A synchronisation that ended here as if it were whole would hide what comes behind.
    #[test]
    fn pages_that_do_not_ascend_end_it_without_success() {
        let done = || Ok(Reply::Done);
        let first = || page(2, Some("192.0.2.100"));
        for second in [Some("192.0.2.100"), Some("192.0.2.99"), Some("x"), None] {
            let (asked, end) = script(&[done(), first(), done(), page(2, second), done()]);
            assert_eq!(asked.last(), Some(&Request::Enable), "{second:?}");
            assert!(matches!(end, Err(CallError::Malformed(_))), "{second:?}");
        }
    }
}
