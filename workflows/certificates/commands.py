"""``kartabl verify`` and ``kartabl keys``: verify certificates and manage the keys that sign them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from engine.actor import operator
from engine.contributions.briefings import Block, Facts, Table
from models.language import LANGUAGES, reading
from workflows.certificates import signing_keys
from workflows.certificates.check import SIGNED_BY_US, UNKNOWN, VALID, Verdict, check_offline, check_signed
from workflows.certificates.paper import LARGEST, read_paper
from workflows.certificates.signing_keys import PublicKey

ISOLATES = str.maketrans("", "", "\u2066\u2069")  # terminals show them as boxes
Open = Callable[[], Any]  # makes the application that the environment describes


def add_to(main: click.Group, application: Open) -> None:
    """Add the commands. Only those that need the database ask for the application."""
    main.add_command(_verify(application))
    main.add_command(_keys(application))


@contextmanager
def _opened(application: Open) -> Iterator[tuple[Session, Any]]:
    """A transaction, and the application that it belongs to, for one command."""
    opened = application()
    try:
        with opened.engine.transaction() as session:
            yield session, opened
    finally:
        opened.database.dispose()


def _verify(application: Open) -> click.Command:
    @click.command(name="verify")
    @click.argument("source", metavar="FILE-or-TEXT")
    @click.option(
        "--key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The published public keys: verifies without the database.",
    )
    @click.option("--language", type=click.Choice(list(LANGUAGES)), default="fa", show_default=True)
    def verify(source: str, key: Path | None, language: str) -> None:
        """Verify a certificate: its PDF, the link or text of its QR code, or - for text on standard input.

        Exits with 0 for a certificate that holds (with --key: that was signed by the organisation), else with 1.
        """
        try:
            text, facts = _read(source)
            keys = signing_keys.read_published(key.read_text("utf-8")) if key else None
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from None
        with reading(language):
            verdict = check_offline(text, keys, facts=facts) if keys is not None else _ask(application, text, facts)
            click.echo("\n".join(_lines(verdict)).translate(ISOLATES))
        sys.exit(0 if verdict.state in (VALID, SIGNED_BY_US) else 1)

    return verify


def _ask(application: Open, text: str, facts: dict[str, Any] | None) -> Verdict:
    """Verdict by the database; a paper is refused if its ``facts`` differ from the signed ones."""
    with _opened(application) as (session, _found):
        if facts is not None:
            of_paper = check_offline(text, signing_keys.public_keys(session), facts=facts)
            if of_paper.state == UNKNOWN:
                return of_paper
        return check_signed(session, text)


def _read(source: str) -> tuple[str, dict[str, Any] | None]:
    if source == "-":
        return sys.stdin.read(LARGEST), None
    path = Path(source)
    if len(source) > 1000 or not path.is_file():
        return source, None
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if content.startswith(b"%PDF-"):
        return read_paper(content)
    return content.decode("utf-8", errors="replace"), None


def _lines(verdict: Verdict) -> list[str]:
    head = f"{verdict.state} {verdict.number}".strip()
    return [head, verdict.sentence, *(line for block in verdict.blocks for line in _block_lines(block))]


def _block_lines(block: Block) -> list[str]:
    if isinstance(block, Facts):
        return ["", block.title, *(f"  {name}: {value}" for name, value in block.items)]
    if isinstance(block, Table):
        return ["", block.title, *(f"  {' | '.join(row)}" for row in [block.columns, *block.rows])]
    return []


def _keys(application: Open) -> click.Group:
    @click.group(name="keys")
    def keys() -> None:
        """The keys that sign certificates."""

    @keys.command(name="list")
    def list_keys() -> None:
        """Every key: since when it signs, until when it did, and whether KARTABL_SECRET_KEY opens it."""
        with _opened(application) as (session, opened):
            known = signing_keys.keys(session)
            lost = [key for key in known if not signing_keys.readable(key, secret_key=opened.settings.secret_key)]
            for key in known:
                until = f"retired {key.retired_at:%Y-%m-%d %H:%M} UTC" if key.retired_at else "signs"
                state = until if key not in lost or key.retired_at else "cannot be read: signs nothing"
                click.echo(f"{key.id}  since {key.created_at:%Y-%m-%d %H:%M} UTC  {state}")
        if not known:
            click.echo("no key yet: the first certificate makes one")
        if any(key.retired_at is None for key in lost):
            click.echo(
                "The key was encrypted with another KARTABL_SECRET_KEY. Put that one back; if it is lost, kartabl keys "
                "rotate makes a new key. What the old one signed stays valid: its public key is known."
            )

    @keys.command(name="rotate")
    def rotate_keys() -> None:
        """Retire the key that signs and make a new one. Certificates that it signed stay valid."""
        with _opened(application) as (session, opened):
            key = signing_keys.rotate(session, secret_key=opened.settings.secret_key, now=opened.clock(), by=operator())
            click.echo(f"{key.id} signs from now on; publish the keys anew: kartabl keys publish")

    @keys.command(name="publish")
    @click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where the keys go.")
    def publish_keys(output: Path | None) -> None:
        """Print the public keys, also the retired ones, as everyone may have them (a JSON Web Key Set)."""
        with _opened(application) as (session, _found):
            known: list[PublicKey] = list(signing_keys.public_keys(session).values())
        text = json.dumps(signing_keys.published(known), indent=2)
        if output is None:
            click.echo(text)
            return
        output.write_text(f"{text}\n", "utf-8")
        click.echo(f"→ {output}")

    return keys
