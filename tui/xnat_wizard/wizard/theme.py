"""How the wizard looks: calm colours that 256-colour terminals show exactly, and the terminal's own without."""

from textual.theme import Theme

ANSI_THEME = "ansi-dark"

# Each colour is one of the 256 of xterm, so that a terminal without true colour shows the same picture.
WIZARD_DARK = Theme(
    name="wizard-dark",
    dark=True,
    primary="#5fafd7",
    secondary="#5f87af",
    accent="#d7af5f",
    success="#87af5f",
    warning="#d7af5f",
    error="#d75f5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    variables={
        "block-cursor-background": "#005f87",
        "block-cursor-foreground": "#eeeeee",
        "block-cursor-blurred-background": "#262626",
        "block-cursor-blurred-text-style": "none",
        "foreground-muted": "#949494",
        "text-muted": "#949494",
        "text-disabled": "#6c6c6c",
        "footer-key-foreground": "#5fafd7",
        "scrollbar": "#4e4e4e",
        "scrollbar-hover": "#5f87af",
        "scrollbar-active": "#5fafd7",
        "scrollbar-background": "#1c1c1c",
        "scrollbar-background-hover": "#1c1c1c",
        "scrollbar-background-active": "#1c1c1c",
    },
)

WIZARD_LIGHT = Theme(
    name="wizard-light",
    dark=False,
    primary="#005f87",
    secondary="#5f87af",
    accent="#875f00",
    success="#005f00",
    warning="#875f00",
    error="#af0000",
    foreground="#262626",
    background="#eeeeee",
    surface="#e4e4e4",
    panel="#dadada",
    variables={
        "block-cursor-background": "#005f87",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#d0d0d0",
        "foreground-muted": "#626262",
        "text-muted": "#626262",
        "text-disabled": "#8a8a8a",
        "footer-key-foreground": "#005f87",
    },
)
