"""How the site proves that it is the site: protocol, chain of certificates, host name, dates.

The four are looked at one by one, so that an expired certificate does not hide a wrong host name.
"""

import ssl
from dataclasses import replace
from datetime import timedelta

from xnat_wizard.findings import Finding, Problem
from xnat_wizard.troubleshoot.check.certificate import Certificate, read_certificate
from xnat_wizard.troubleshoot.check.line import NoAnswerError, opened
from xnat_wizard.troubleshoot.check.model import Ground, Origin, Outcome, Skip, fail, ok, warn
from xnat_wizard.troubleshoot.check.way import no_words
from xnat_wizard.xnat.network import bad_certificate, tls_context
from xnat_wizard.xnat.numbers import numbered

SOON = timedelta(days=21)
_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name


async def handshake(ground: Ground) -> Outcome:
    """Talk TLS without believing anything, and keep the certificate."""
    origin = _tls(ground)
    context = tls_context(is_unsafe=True)
    try:
        async with opened(ground, context) as line:
            tls = line.tls
            ground.own_address = line.own_address or ground.own_address
            version = (tls.version() if tls else "") or "unknown"
            cipher = tls.cipher() if tls else None
            der = tls.getpeercert(binary_form=True) if tls else None
    except (OSError, NoAnswerError) as error:
        plain = next((one for one in ground.origins if not one.is_tls), None)
        if plain is not None and _is_plain(error):
            ground.origin = plain
            return warn(f"Port {origin.port} speaks no TLS; the address may mean http", no_words(error))
        return fail(_no_handshake(origin, error), f"TLS handshake: {no_words(error)}")
    if der:
        try:
            ground.certificate = read_certificate(der)
        except ValueError:
            return warn(f"{version}; the certificate is of a form that this program cannot read", str(cipher))
    return ok(f"{version}, {cipher[0] if cipher else 'unknown cipher'}", f"protocol {version}", f"cipher {cipher}")


async def chain(ground: Ground) -> Outcome:
    """Verify the chain of certificates up to an authority that this machine trusts; no dates, no names."""
    origin = _tls(ground)
    try:
        context = tls_context(ca_file=ground.question.ca_file)
    except Problem as problem:
        return fail(problem.finding)
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    issuer = ground.certificate.issuer if ground.certificate else "unknown"
    try:
        async with opened(ground, context):
            pass
    except ssl.SSLCertVerificationError as error:
        finding = _for_a_check(bad_certificate(error, origin.host).finding)
        return fail(finding, f"issued by {issuer}", f"OpenSSL: {error.verify_message}")
    except (OSError, NoAnswerError) as error:
        return fail(_no_handshake(origin, error), f"TLS handshake: {no_words(error)}")
    whose = (
        "the authority in the given file or the system" if ground.question.ca_file else "an authority of this system"
    )
    return ok(f"The certificate is vouched for by {whose}", f"issued by {issuer}")


async def name(ground: Ground) -> Outcome:
    """Look whether the certificate is made out to this host."""
    origin, certificate = _tls(ground), _certificate(ground)
    made_out = ", ".join(certificate.names) or "nobody"
    evidence = (f"subject {certificate.subject}", f"made out to {made_out}")
    if certificate.is_for(origin.host):
        return ok(f"The certificate is made out to {origin.host}", *evidence)
    return fail(
        numbered(
            Finding(
                "site.tls",
                f"The certificate is not made out to {origin.host}",
                f"It is for {made_out[:200]}: another site may be answering, or the address is not the site's own",
                (
                    "Use the host name that the certificate is for, if it is your site's",
                    "Tell the site's administrator",
                ),
                where=origin.url,
            )
        ),
        *evidence,
    )


async def expiry(ground: Ground) -> Outcome:
    """Look how long the certificate is valid, by this machine's clock."""
    origin, certificate = _tls(ground), _certificate(ground)
    now = ground.now()
    begin, end = certificate.not_before, certificate.not_after
    evidence = (f"valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC", f"now {now:%Y-%m-%d %H:%M} UTC")
    days = (end - now).days
    if now < begin or now > end:
        words = f"has expired on {end:%Y-%m-%d}" if now > end else f"is valid only from {begin:%Y-%m-%d} on"
        finding = Finding(
            "site.tls",
            f"The certificate of {origin.host} {words}",
            f"By this machine's clock it is {now:%Y-%m-%d %H:%M} UTC",
            ("Check the clock of this machine", "Tell the site's administrator to renew the certificate"),
            where=origin.url,
        )
        return fail(numbered(finding), *evidence)
    if end - now < SOON:
        finding = Finding(
            "check.expires_soon",
            f"The certificate expires in {days} day{'s' * (days != 1)}",
            f"It is valid until {end:%Y-%m-%d %H:%M} UTC",
            ("Tell the site's administrator to renew it",),
            where=origin.url,
        )
        return warn(finding.what, *evidence, finding=finding)
    return ok(f"The certificate is valid for {days} more days", *evidence)


def _tls(ground: Ground) -> Origin:
    if not ground.place.is_tls:
        raise Skip("the address is http")
    return ground.place


def _certificate(ground: Ground) -> Certificate:
    if ground.certificate is None:
        raise Skip("the certificate could not be read")
    return ground.certificate


def _for_a_check(finding: Finding) -> Finding:
    """Say where a file of an authority goes in this command; switching the check off is nothing that it offers."""
    steps = [step.replace("give its path here", "give it with `--ca-file`") for step in finding.todo[:-1]]
    return replace(finding, todo=tuple(steps))


def _is_plain(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) and error.reason in {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "RECORD_LAYER_FAILURE",
    }


def _no_handshake(origin: Origin, error: Exception) -> Finding:
    return numbered(
        Finding(
            "site.tls",
            f"No secure connection to {origin.host} port {origin.port}",
            f"The TLS handshake failed: {no_words(error)}",
            (
                "If the site has no https, write http:// in front of the address",
                "Check the port",
                "If it says `unsupported protocol`: the site's TLS is too old; its administrator must renew it",
            ),
            where=origin.url,
        )
    )
