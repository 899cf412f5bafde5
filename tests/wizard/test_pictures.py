"""Pictures on the screen: what a terminal can draw, and the keys of the viewer."""

import asyncio
import os
import pty
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from dicom.images import as_bytes, header, with_pixels
from wizard.screens import flat_text, screen_text, workers_done
from xnat_wizard.dicom.picture import Frame, Picture, read_frame
from xnat_wizard.wizard.app import WizardApp
from xnat_wizard.wizard.widgets import graphics
from xnat_wizard.wizard.widgets.graphics import Drawing, Terminal, kitty_line, sixel, understood
from xnat_wizard.wizard.widgets.picture import PictureView
from xnat_wizard.wizard.widgets.step import StepScreen
from xnat_wizard.wizard.widgets.viewer import ViewerScreen

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 10


class Host(StepScreen[None]):
    """A step with nothing on it."""


class Told(PictureView):
    """A picture whose terminal is a list."""

    told: list[str]

    def _write(self, text: str) -> None:
        self.told.append(text)


def app_with(screen: type[StepScreen[None]] = Host) -> WizardApp:
    return WizardApp(steps=(lambda _: screen(),))  # type: ignore[arg-type, return-value]  # nobody answers


def frames(count: int = 3) -> bytes:
    dataset = with_pixels(header(), side=8)
    dataset.NumberOfFrames = count
    dataset.WindowCenter, dataset.WindowWidth = 300, 600
    dataset.PixelData = b"".join((RAMP + frame).astype("<u2").tobytes() for frame in range(count))
    return as_bytes(dataset)


def decoded(text: str) -> np.ndarray:
    """Read sixels back, as a terminal does: an independent reading of DEC STD 070."""
    match = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL)
    assert match
    width, height = int(match[1]), int(match[2])
    picture = np.full((height + 6, width), -1)
    colours: dict[int, int] = {}
    x = y = colour = 0
    for hit in re.finditer(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|(\$)|(-)", match[3]):
        if hit[1]:
            colours[int(hit[1])] = int(hit[2])
        elif hit[5]:
            colour = int(hit[5])
        elif hit[9]:
            x = 0
        elif hit[10]:
            x, y = 0, y + 6
        else:
            times, bits = int(hit[6] or 1), ord(hit[7] or hit[8]) - 63
            for bit in range(6):
                if bits >> bit & 1:
                    picture[y + bit, x : x + times] = colours[colour]
            x += times
    return picture[:height]


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "_known", None)
    monkeypatch.delenv(graphics.VARIABLE, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


# -- what a terminal can -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(7, 13), (30, 6), (1, 1)])
def test_sixels_are_the_picture(size: tuple[int, int]) -> None:
    width, height = size
    pixels = bytes((x * 9 + y * 20) % 256 for y in range(height) for x in range(width))
    shown = decoded(sixel(Picture(width, height, pixels, ""), 64))
    wanted = np.frombuffer(pixels, np.uint8).reshape(height, width) / 255 * 100
    assert np.abs(shown - wanted).max() <= 1.5


def test_a_terminal_is_taken_at_its_word() -> None:
    xterm = understood("\x1bP>|XTerm(390)\x1b\\\x1b[?1;0;256S\x1b[6;16;8t\x1b[?64;1;4;22c", None)
    assert xterm == Terminal(has_kitty=False, has_sixel=True, registers=256, cell=(8, 16))
    kitty = understood("\x1bP>|kitty(0.35.2)\x1b\\\x1b[6;20;10t\x1b[?62;c", None)
    assert kitty.has_kitty
    assert not kitty.has_sixel
    assert understood("\x1b[?64c", (9, 18)) == Terminal(cell=(9, 18))
    assert understood("", None) == Terminal()


def test_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert graphics.drawings(has_colour=True, has_grays=True) == (Drawing.BLOCKS, Drawing.ASCII)
    monkeypatch.setenv("TERM", "xterm-kitty")
    assert graphics.drawings(has_colour=True, has_grays=True)[0] is Drawing.KITTY
    assert graphics.drawings(has_colour=False, has_grays=False) == (Drawing.ASCII,)
    monkeypatch.setenv("TERM", "tmux-256color")
    monkeypatch.setenv("KITTY_WINDOW_ID", "1")
    assert graphics.drawings(has_colour=True, has_grays=True)[0] is Drawing.BLOCKS
    monkeypatch.setattr(graphics, "_known", Terminal(has_sixel=True, cell=(8, 16)))
    assert graphics.drawings(has_colour=True, has_grays=True)[0] is Drawing.SIXEL
    monkeypatch.setattr(graphics, "_known", Terminal(has_sixel=True, cell=None))
    assert graphics.drawings(has_colour=True, has_grays=True)[0] is Drawing.BLOCKS


def test_a_person_may_ask_for_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(graphics.VARIABLE, "ascii")
    assert graphics.drawings(has_colour=True, has_grays=True)[0] is Drawing.ASCII
    monkeypatch.setenv(graphics.VARIABLE, "nonsense")
    assert graphics.drawings(has_colour=True, has_grays=True)[0] is Drawing.BLOCKS


def test_a_terminal_is_asked_and_nothing_of_its_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()

    def answer() -> None:
        question = b""
        while not question.endswith(b"\x1b[c"):
            question += os.read(ours, 100)
        for piece in (b"\x1bP>|XTerm(390)\x1b\\\x1b[?1;0;", b"16S\x1b[6;16;8t\x1b[?64;4", b";22c"):
            os.write(ours, piece)

    thread = threading.Thread(target=answer)
    with os.fdopen(theirs, "r+b", buffering=0) as terminal, os.fdopen(ours, "rb", buffering=0):
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.delenv("NO_COLOR", raising=False)
        thread.start()
        known = graphics.ask(timeout_s=20)
        thread.join()
    assert known == Terminal(has_sixel=True, registers=16, cell=(8, 16))
    assert graphics.terminal() is known


def test_kitty_rows_are_numbered_by_marks() -> None:
    assert graphics.kitty_rows() == 100
    assert [f"{ord(kitty_line(row, 2)[1]):04X}" for row in (0, 1, 17, 30, 99)] == [
        "0305",
        "030D",
        "0363",
        "0483",
        "074A",
    ]
    assert kitty_line(0, 3).count(graphics.PLACEHOLDER) == 3


# -- on the screen -----------------------------------------------------------------------------------------


async def shown(known: Terminal, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(graphics, "_known", known)
    app = app_with()
    view = Told(read_frame(frames()).picture())
    view.told = []
    async with app.run_test(size=(40, 20)) as pilot:
        await app.screen.mount(view)
        await pilot.pause()
        await workers_done(app, "sixel")
        await pilot.pause()
        view.told.append(screen_text(app))
        await view.remove()
    return view.told


async def test_sixels_are_put_where_the_picture_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = await shown(Terminal(has_sixel=True, registers=256, cell=(8, 16)), monkeypatch)
    assert re.match(r"\x1b7\x1b\[\d+;\d+H\x1bP0;1q", told[0])
    assert told[0].endswith("\x1b\\\x1b8")
    assert "▀" not in told[-1]


async def test_kitty_is_told_the_picture_and_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = await shown(Terminal(has_kitty=True, cell=(8, 16)), monkeypatch)
    assert re.match(r"\x1b_Ga=T,U=1,i=\d+,c=\d+,r=\d+,f=100,q=2,m=0;", told[0])
    assert graphics.PLACEHOLDER in told[-2]
    assert told[-1].startswith("\x1b_Ga=d,d=I,")


async def viewing(pilot: Pilot[None], app: WizardApp, files: list[bytes]) -> ViewerScreen:
    async def load(place: int, frame: int = 0) -> Frame:
        return read_frame(files[place], frame=frame)

    viewer = ViewerScreen("sub-01", len(files), load, start=0, load_frame=load)
    await app.push_screen(viewer)
    await settled(pilot, app)
    return viewer


async def settled(pilot: Pilot[None], app: WizardApp) -> None:
    await workers_done(app, "picture")
    await pilot.pause()


def pixels(viewer: ViewerScreen) -> np.ndarray:
    picture = viewer.query_one(PictureView).picture
    assert picture
    return np.frombuffer(picture.pixels, np.uint8).astype(int)


async def test_keys_change_brightness_and_contrast_and_give_the_file_back() -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        viewer = await viewing(pilot, app, [frames(1)])
        first = pixels(viewer)
        assert "center 300 width 600 (file)" in flat_text(app)
        await pilot.press("b", "b")
        assert pixels(viewer).mean() > first.mean()
        assert "center 180 width 600 (set)" in flat_text(app)
        await pilot.press("d", "d", "d")
        assert pixels(viewer).mean() < first.mean()
        await pilot.press("f", "plus", "plus")
        assert pixels(viewer).std() > first.std()
        await pilot.press("a")
        await pilot.pause()
        assert "(automatic)" in flat_text(app)
        await pilot.press("f")
        assert (pixels(viewer) == first).all()


async def test_frames_of_a_file_come_one_after_the_other() -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        viewer = await viewing(pilot, app, [frames(3), frames(1), frames(2)])
        seen = []
        for _ in range(7):
            seen.append((viewer.place, viewer.frame_at))
            await pilot.press("right")
            await settled(pilot, app)
        assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (2, 1)]
        await pilot.press("left", "left")
        await settled(pilot, app)
        await pilot.press("left")
        await settled(pilot, app)
        assert (viewer.place, viewer.frame_at) == (0, 2)
        assert "frame 3 of 3" in flat_text(app)
        await pilot.press("home")
        await settled(pilot, app)
        assert (viewer.place, viewer.frame_at) == (0, 0)


async def test_playing_goes_round_and_stops() -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        viewer = await viewing(pilot, app, [frames(1), frames(2)])
        seen = []
        for _ in range(4):
            seen.append((viewer.place, viewer.frame_at))
            viewer.play_on()
            await settled(pilot, app)
        assert seen == [(0, 0), (1, 0), (1, 1), (0, 0)]
        await pilot.press("space")
        assert viewer._player is not None
        await pilot.press("space")
        assert viewer._player is None


async def test_letters_on_request_and_help() -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await viewing(pilot, app, [frames(1)])
        assert "▀" in screen_text(app)
        await pilot.press("t")
        await pilot.pause()
        assert "▀" not in screen_text(app)
        assert "@" in screen_text(app)
        await pilot.press("f1")
        await pilot.pause()
        assert "Images" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, ViewerScreen)


async def test_the_viewer_draws_with_pixels_once_the_terminal_said_that_it_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = PictureView(read_frame(frames()).picture())
    app = app_with()
    async with app.run_test(size=(40, 20)) as pilot:
        await app.screen.mount(view)
        await pilot.pause()
        assert str(view.drawing) == "blocks"
        assert not view.draw_best()
        monkeypatch.setattr(graphics, "_known", Terminal(has_sixel=True, cell=(8, 16)))
        assert view.draw_best()
        assert str(view.drawing) == "sixel"
        await workers_done(app, "sixel")


async def test_what_no_decoder_can_read_is_said_in_words(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "ct-one-image-fifteen-transfer-syntaxes"
    data = await asyncio.to_thread(next(folder.glob("*JPEGLSLossless*")).read_bytes)
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await viewing(pilot, app, [data])
        assert "compressed in a way that cannot be shown here" in flat_text(app)
