"""What an HTTP status means where the text says nothing, and what XNAT's own pages mean.

Sources: wire contract 0.5, 1.4, 1.8, 10.2.
"""

from xnat_wizard.xnat.errors import Fatal, LoginAgain, Refused, Retry
from xnat_wizard.xnat.messages import ASK_ADMIN, ASK_OWNER, LOOK_AGAIN, Message

STATUSES: dict[int, Message] = {
    401: Message(
        "",
        LoginAgain,
        "login.lost",
        "The site no longer accepts the login",
        ("Log in again; what was sent is kept.",),
    ),
    403: Message(
        "",
        Refused,
        "rights.missing",
        "Your account may not do this",
        (ASK_OWNER, "After a change of your rights, wait a minute: XNAT notices late."),
    ),
    404: Message(
        "",
        Refused,
        "site.not_found",
        "It is not there, or your account may not see it",
        ("Refresh the list: somebody may have moved or deleted it.", ASK_OWNER),
    ),
    408: Message("", Retry, "site.slow", "The site waited too long for data", ("Try again.",)),
    409: Message(
        "",
        Refused,
        "site.conflict",
        "It clashes with something that is there",
        ("Refresh the list, then choose another name.",),
    ),
    413: Message(
        "",
        Refused,
        "site.too_large",
        "A proxy in front of the site refused the upload because of its size",
        ("Send smaller parts.", "Ask the site's administrator to raise the proxy's limit for request bodies."),
    ),
    423: Message("", Retry, "prearchive.busy", "The site is still working on this session", (LOOK_AGAIN,)),
    429: Message(
        "", Retry, "site.busy", "The site asks to slow down", ("Wait, then try again with fewer connections.",)
    ),
    501: Message(
        "",
        Fatal,
        "site.not_implemented",
        "This server does not offer what is needed",
        ("Check that the address is the one of an XNAT.", ASK_ADMIN),
    ),
    502: Message("", Retry, "site.proxy", "The proxy in front of the site got no answer from it", ("Try again soon.",)),
    503: Message("", Retry, "site.busy", "The site is not available at the moment", ("Try again in some minutes.",)),
    504: Message(
        "",
        Retry,
        "site.proxy_timeout",
        "The proxy in front of the site did not wait for its answer; the site may go on working",
        ("Look at what has arrived before trying again.",),
    ),
    507: Message("", Fatal, "site.disk_full", "The site's disk is full", (ASK_ADMIN,)),
}

EXPIRED = Message(
    "",
    LoginAgain,
    "login.expired_password",
    "The password has expired, or has to be changed",
    ("Log in to XNAT with a browser and set a new password.", "Then log in here with the new one."),
)
DISABLED = Message(
    "",
    LoginAgain,
    "login.disabled",
    "The account is disabled",
    ("Ask the site's administrator to enable it: XNAT disables accounts that were not used for a long time.",),
)
SETUP = Message(
    "",
    Fatal,
    "site.not_initialised",
    "This XNAT has not been set up yet",
    ("Ask the site's administrator to finish its set-up in a browser.",),
)
UNKNOWN_4XX = Message("", Refused, "site.refused", "The site refused this", ("Check what was entered.", ASK_ADMIN))
UNKNOWN_5XX = Message("", Retry, "site.error", "The site had an error of its own", ("Try again soon.", ASK_ADMIN))
UNKNOWN_PAGE = Message(
    "",
    Refused,
    "site.page",
    "A web page came where data was asked for",
    ("A proxy or a sign-on page between here and the site may have answered: open the site in a browser and look.",),
)
UNKNOWN_3XX = Message(
    "",
    Fatal,
    "site.redirect",
    "The site sent us somewhere else",
    ("Use the address that the browser shows after the site has opened.", ASK_ADMIN),
)
