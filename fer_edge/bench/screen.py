"""A window that fills the screen before a real board's camera, to show it faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge.errors import FerEdgeError

ADVICE = (
    "Turn the board's camera to this screen until the white frame just fills its view, upright, with nothing else "
    "behind. Then press a key."
)


class Screen:
    """Grey pictures, uint8 [N, rows, columns], one at a time, as high as the screen. A context manager.

    Entering waits until somebody has set up the camera and pressed a key. FerEdgeError without a screen.
    """

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._pictures = pictures

    def __enter__(self) -> Screen:
        try:
            import tkinter  # which not every Python has
        except ImportError as error:
            raise FerEdgeError(
                f"This Python cannot open a window to show the camera faces in ({error}).",
                "Install tkinter (Debian's package is python3-tk), or give --port virtual.",
            ) from error
        try:
            self._window = tkinter.Tk()
        except tkinter.TclError as error:
            raise FerEdgeError(
                f"No window can be opened to show the camera faces in ({error}).",
                "Run the bench on a computer with a screen, or give --port virtual.",
            ) from error
        window = self._window
        window.geometry(f"{window.winfo_screenwidth()}x{window.winfo_screenheight()}+0+0")
        window.attributes("-fullscreen", True)  # of one screen of several, and without a frame
        window.configure(background="black", cursor="none")
        window.wait_visibility()
        window.update()
        self._height = window.winfo_height()
        _, rows, columns = self._pictures.shape
        self._size = self._height * columns // rows, self._height
        frame = tkinter.Label(
            window, text=ADVICE, foreground="white", background="black", wraplength=self._height // 2,
            highlightthickness=self._height // 40, highlightbackground="white",
        )  # fmt: skip
        frame.place(relx=0.5, rely=0.5, anchor="center", width=self._height, height=self._height)
        pressed = tkinter.BooleanVar()
        window.bind("<Key>", lambda event: pressed.set(True))
        window.focus_force()
        window.wait_variable(pressed)
        frame.destroy()
        self._label = tkinter.Label(window, background="black", borderwidth=0)
        self._label.place(relx=0.5, rely=0.5, anchor="center")
        return self

    def __exit__(self, *exception: object) -> None:
        self._window.destroy()

    def show(self, number: int) -> None:
        """Show a picture, counted from 0."""
        from PIL import ImageTk

        picture = Image.fromarray(self._pictures[number]).resize(self._size, Image.Resampling.NEAREST)
        self._shown = ImageTk.PhotoImage(picture)  # tkinter does not keep it
        self._label.configure(image=self._shown)
        self._window.update()
