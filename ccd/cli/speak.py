"""`ccd speak`."""

from __future__ import annotations

import click

from ccd.cli.options import client, json_option
from ccd.cli.output import show_json, show_record

COLUMNS = {
    "file": "path",
    "as the switch sees it": "switch_path",
    "language": "language",
    "voice": "voice",
    "length": "length_ms",
    "cached": "cached",
}


@click.command()
@click.argument("text")
@click.option("--language", help="Its language, as in a flow; else the site's.")
@click.option("--voice", help="One of speech.voices; else the language's.")
@json_option
@click.pass_context
def speak(context: click.Context, /, *, text: str, language: str | None, voice: str | None, as_json: bool) -> None:
    """Speak a text with the program that ccd.yaml names, as a speak node would, and print where the file is.

    What was spoken before is not spoken again; its file is the same.
    """
    body = client(context).post("speech", text=text, language=language or "", voice=voice or "")
    if as_json:
        show_json(body)
    else:
        show_record(
            {
                heading: f"{body[key] / 1000:g} s" if key == "length_ms" else body[key]
                for heading, key in COLUMNS.items()
            }
        )
