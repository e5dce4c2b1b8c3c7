"""The configuration: who wins, what is refused, and in which words."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from digest import config
from digest.config import load
from digest.errors import ConfigError


@pytest.fixture
def toml(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "digest.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def complaint(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as refused:
        load(path, environ or {})
    line = str(refused.value)
    assert "\n" not in line
    return line


def test_the_environment_is_stronger_than_the_file_and_the_file_than_the_defaults(toml) -> None:
    path = toml('[mail]\nhost = "from-the-file"\n[digest]\npapers = 7\n')
    settings = load(path, {"DIGEST_MAIL__HOST": "from-the-environment", "DIGEST_MAIL__PORT": "2525"})
    assert (settings.mail.host, settings.mail.port, settings.digest.papers) == (
        "from-the-environment",
        2525,
        7,
    )
    assert settings.mail.transport == "files"
    assert load(path, {}).mail.host == "from-the-file"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("SITE__SECRET", lambda s: s.site.secret.get_secret_value()),
        ("SITE__PREVIOUS_SECRET", lambda s: s.site.previous_secret.get_secret_value()),
        ("MAIL__PASSWORD", lambda s: s.mail.password.get_secret_value()),
        ("DATABASE__URL", lambda s: s.database.url),
    ],
)
def test_a_secret_in_a_file_is_the_strongest(toml, tmp_path: Path, name: str, read) -> None:
    file = tmp_path / "secret"
    file.write_text("sqlite:///from-the-secret-file.db\n", encoding="utf-8")
    environ = {f"DIGEST_{name}": "weaker", f"DIGEST_{name}_FILE": str(file)}
    assert read(load(toml(""), environ)) == "sqlite:///from-the-secret-file.db"


def test_a_secret_file_that_is_absent_is_named(toml, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    line = complaint(toml(""), {"DIGEST_MAIL__PASSWORD_FILE": absent})
    assert "DIGEST_MAIL__PASSWORD_FILE" in line
    assert absent in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[site]\ncolour = 1\n", ("site.colour", "postal_address")),
        ("[sight]\n", ("sight", "site")),
        (
            "[ranking]\nembedder = 'word2vec'\n",
            ("ranking.embedder", "sentence-transformers:MODEL", "word2vec"),
        ),
        ("[ranking]\nembedder = 'sentence-transformers: '\n", ("ranking.embedder", "name or folder")),
        ("[digest]\npapers = 0\n", ("digest.papers", "0")),
        ("[digest]\nwindow = '7 days'\n", ("digest.window", "18h", "7 days")),
        ("[schedule]\ntimezone = 'Mars/Base'\n", ("schedule", "Mars/Base")),
        ("[schedule]\nsend_at = '25:00'\n", ("schedule", "25:00")),
        ("[mail]\nfrom = 'nobody'\n", ("mail.from", "nobody")),
        ("[mail]\ntransport = 'pigeon'\n", ("mail.transport", "pigeon", "files")),
        ("[site]\nurl = 'digest.example.org'\n", ("site.url", "https://", "digest.example.org")),
        ('[site]\nname = "a\\u000ab"\n', ("site.name", "one line")),
        ("directory = 'here'\n", ("directory", "[mail]")),
        ("[[sources]]\nname = 'x'\nkind = 'gopher'\nurl = 'https://x.org'\n", ("kind", "gopher", "arxiv")),
        ("[[sources]]\nname = 'x'\nkind = 'arxiv'\n", ("sources", "url or path")),
        ("[[sources]]\nname = 'x'\nkind = 'arxiv'\npath = 'a'\ncolour = 1\n", ("colour", "weight")),
        (
            "[[sources]]\nname='x'\nkind='arxiv'\npath='a'\n[[sources]]\nname='x'\nkind='arxiv'\npath='b'\n",
            ("two sources", "'x'"),
        ),
        ("[[sources]]\nname='x'\nkind='feed'\nurl='http://[::1/'\n", ("sources", "http or https")),
        ("[[sources]]\nname='x'\nkind='feed'\nurl='https://x.org:99999/'\n", ("sources", "http or https")),
        ("[[readers]]\naddress = 'nobody'\n", ("readers", "address", "nobody")),
        (
            "[[readers]]\naddress = 'a@example.org'\ndays = 'often'\n",
            ("readers.0.days", "weekly:fri", "often"),
        ),
        (
            "[[readers]]\naddress = 'a@example.org'\ntimezone = 'Mars'\n",
            ("readers.0.timezone", "Europe/Berlin"),
        ),
        ("[[readers]]\naddress = 'a@example.org'\nsend_at = '7'\n", ("readers.0.send_at", "HH:MM")),
        ("[[readers]]\naddress = 'a@example.org'\ninterest = 'x'\n", ("readers.0.interest", "a list", "'x'")),
        ("[readers]\naddress = 'a@example.org'\n", ("readers", "[[readers]]")),
        ("[[sources]]\nname = 'x'\npath = 'a'\n", ("sources.0.kind: it has to be given",)),
        ("site = 3\n", ("site", "[site]")),
        ("[cluster]\nenabled = true\n", (": cluster.enabled needs a database",)),
        ("[fetch]\nmax_bytes = '10XB'\n", ("fetch.max_bytes", "10MB", "10XB")),
        ("[fetch]\ntimeout = '0s'\n", ("fetch.timeout", "no time", "'0s'")),
        ("[fetch]\ntimeout = '999999999999w'\n", ("fetch.timeout", "3660d")),
        ("[digest]\nwindow = '999999999d'\n", ("digest.window", "3660d")),
        ("this is not TOML", ("not TOML",)),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_it(toml, text: str, words: tuple[str, ...]) -> None:
    path = toml(text)
    line = complaint(path)
    assert line.startswith(f"{path}: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "text",
    ["[mail]\nfrom = 'nobody'\n", "[[readers]]\naddress = 'nobody'\n", "[schedule]\ndays = 'nobody'\n"],
)
def test_a_wrong_value_is_shown_once(toml, text: str) -> None:
    assert complaint(toml(text)).count("'nobody'") == 1


def test_a_wrong_value_in_the_environment_is_named_too(toml) -> None:
    assert "digest.papers" in complaint(toml(""), {"DIGEST_DIGEST__PAPERS": "many"})


@pytest.mark.parametrize("key", ["site.secret", "site.previous_secret", "mail.password"])
def test_a_complaint_never_shows_a_secret(toml, key: str) -> None:
    section, _, name = key.partition(".")
    line = complaint(toml(f"[{section}]\n{name} = ['hunter2']\n"))
    assert key in line
    assert "hunter2" not in line


def test_settings_that_are_printed_hide_their_secrets(toml) -> None:
    settings = load(toml("[site]\nsecret = 'hunter2'\n[mail]\npassword = 'hunter2'\n"), {})
    assert "hunter2" not in repr(settings)


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent.toml"
    assert str(absent) in complaint(absent)


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert settings.sources == ()
    assert settings.site.personal
    assert settings.database_url == f"sqlite:///{tmp_path.resolve() / 'digest.db'}"


def test_the_file_that_counts_is_the_named_then_the_environments_then_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.find(None, {}) is None
    (tmp_path / "digest.toml").touch()
    assert config.find(None, {}) == Path("digest.toml")
    assert config.find(None, {"DIGEST_CONFIG": "other.toml"}) == Path("other.toml")
    assert config.find(Path("named.toml"), {"DIGEST_CONFIG": "other.toml"}) == Path("named.toml")


def test_relative_paths_start_at_the_configurations_folder(toml, tmp_path: Path) -> None:
    settings = load(toml("[[sources]]\nname = 'x'\nkind = 'feed'\npath = 'a/{date}.xml'\n"), {})
    assert settings.database_url == f"sqlite:///{tmp_path.resolve()}/digest.db"
    assert settings.outbox_directory == tmp_path.resolve() / "outbox"
    assert settings.sources[0].location == str(tmp_path.resolve() / "a" / "{date}.xml")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("18h", 64800), ("7d", 604800), ("1w", 604800)]
)
def test_a_duration_is_a_number_and_a_unit(toml, text: str, seconds: int) -> None:
    settings = load(toml(f"[digest]\nwindow = '{text}'\n"), {})
    assert settings.digest.window == dt.timedelta(seconds=seconds)


def test_the_shipped_configuration_holds_the_defaults(tmp_path: Path) -> None:
    shipped = load(config.shipped("config", "digest.toml"), {})
    bare = tmp_path / "digest.toml"
    bare.touch()
    assert shipped.digest == load(bare, {}).digest
    assert shipped.mail == load(bare, {}).mail
    assert shipped.schedule == load(bare, {}).schedule


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("accent", "#ff8800", "brand.accent: its contrast to the ground #ffffff is 2.39, and text needs 4.5; choose a darker one: '#ff8800'"),
        ("accent_dark", "#1d4ed8", "brand.accent_dark: its contrast to the ground #161514 is 2.72, and text needs 4.5; choose a lighter one: '#1d4ed8'"),
        ("accent", "blue", "brand.accent: a colour is written as #1d4ed8: 'blue'"),
        ("footer", "two\nlines", "brand.footer: write it on one line, without control characters: 'two\\nlines'"),
    ],
)  # fmt: skip
def test_a_brand_that_cannot_be_read_is_refused_with_what_to_do(tmp_path, key, value, why):
    file = tmp_path / "digest.toml"
    file.write_text(f"[brand]\n{key} = {json.dumps(value)}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file, {})
    assert str(refused.value) == f"{file}: {why}"


@pytest.mark.parametrize(
    "logo",
    ["http://example.org/a.png", "https://example.org", "https://example.org/a.png?reader=1", "logo.png"],
)
def test_a_logo_is_the_same_https_image_for_everybody(tmp_path, logo):
    file = tmp_path / "digest.toml"
    file.write_text(f'[brand]\nlogo = "{logo}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"brand\.logo"):
        load(file, {})


def test_a_language_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    file = tmp_path / "digest.toml"
    file.write_text('[site]\nlanguage = "tlh"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"site\.language: the languages are en, de, es, fr, zh: 'tlh'"):
        load(file, {})
    file.write_text(
        '[site]\nlanguage = "zh"\n[[readers]]\naddress = "vision@example.org"\nlanguage = "de"\n',
        encoding="utf-8",
    )
    found = load(file, {})
    assert (found.site.language, found.readers[0].language) == ("zh", "de")


def test_a_model_is_a_folder_beside_the_file_or_a_name(toml, tmp_path: Path) -> None:
    (tmp_path / "models" / "minilm").mkdir(parents=True)
    named = '[ranking]\nembedder = "sentence-transformers:{}"\n'
    assert load(toml(named.format("models/minilm")), {}).model == str((tmp_path / "models/minilm").resolve())
    assert load(toml(named.format("somebody/minilm")), {}).model == "somebody/minilm"
    assert load(toml(""), {}).model == ""
