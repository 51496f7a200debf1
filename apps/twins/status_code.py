"""Applications and the status that they pass to start_response: its code and its reason."""

from __future__ import annotations

from conformance.driver.twins import bad_app, good_app

NOT_A_CODE = ("status-code-and-reason", "status-no-surrounding-whitespace")


@bad_app("status-code-three-digits", also=("status-latin1-only", *NOT_A_CODE))
def status_in_fullwidth_digits(environ, start_response):
    """The digits are fullwidth ones, which int() and isdecimal() take."""
    start_response("\uff12\uff10\uff10 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-three-digits", also=NOT_A_CODE)
def status_in_superscripts(environ, start_response):
    """Superscripts are in Latin-1 and pass isdigit()."""
    start_response("\xb2\xb2\xb2 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-three-digits")
def status_of_two_digits(environ, start_response):
    """The code has two digits."""
    start_response("20 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-three-digits")
def status_of_four_digits(environ, start_response):
    """The code has four digits."""
    start_response("2000 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-three-digits")
def status_with_letters_for_noughts(environ, start_response):
    """Two letters O stand for noughts."""
    start_response("2OO OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "status-code-and-reason",
    also=("status-code-three-digits", "status-no-surrounding-whitespace"),
)
def status_with_sign(environ, start_response):
    """A sign and two digits are three characters that int() takes."""
    start_response("+20 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-three-digits")
def status_with_underscore(environ, start_response):
    """An underscore between digits is Python's, not HTTP's."""
    start_response("2_0 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-single-space", also=("status-code-three-digits", "status-code-and-reason"))
def status_with_substatus(environ, start_response):
    """The code has a part after a dot, as IIS logs it."""
    start_response("404.3 Not Found", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "status-code-and-reason",
    also=("status-code-three-digits", "status-no-surrounding-whitespace"),
)
def status_reason_first(environ, start_response):
    """The reason comes before the code."""
    start_response("OK 200", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "status-code-and-reason",
    also=("status-code-three-digits", "status-no-surrounding-whitespace"),
)
def status_of_one_word(environ, start_response):
    """The status is a word."""
    start_response("OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "status-code-and-reason",
    also=("status-code-three-digits", "status-no-surrounding-whitespace"),
)
def status_empty(environ, start_response):
    """The status is an empty str."""
    start_response("", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-and-reason", level="SHOULD")
def status_without_reason(environ, start_response):
    """The status is three digits and nothing else."""
    start_response("200", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-code-and-reason", level="SHOULD")
def status_with_empty_reason(environ, start_response):
    """The reason is empty, as HTTP allows it."""
    start_response("200 ", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-single-space")
def status_with_two_spaces(environ, start_response):
    """Two spaces stand between code and reason."""
    start_response("200  OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-single-space", also=("status-no-control-chars", "status-code-three-digits"))
def status_separated_by_tab(environ, start_response):
    """A TAB stands between code and reason."""
    start_response("200\tOK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-single-space", also=("status-code-three-digits",))
def status_separated_by_no_break_space(environ, start_response):
    """A no-break space stands between code and reason."""
    start_response("200\xa0OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-single-space", also=("status-code-three-digits", "status-code-and-reason"))
def status_not_separated(environ, start_response):
    """Nothing stands between code and reason."""
    start_response("200OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-single-space", also=("status-code-three-digits", "status-code-and-reason"))
def status_separated_by_hyphen(environ, start_response):
    """A hyphen stands between code and reason."""
    start_response("200-OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "status-no-surrounding-whitespace",
    also=("status-code-three-digits", "status-code-and-reason"),
)
def status_after_space(environ, start_response):
    """A space is before the code."""
    start_response(" 200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-surrounding-whitespace")
def status_before_space(environ, start_response):
    """A space is after the reason."""
    start_response("200 OK ", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "status-no-surrounding-whitespace",
    also=("status-code-three-digits", "status-code-and-reason"),
)
def status_line_whole(environ, start_response):
    """The status is a whole status line."""
    start_response("HTTP/1.1 200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-no-surrounding-whitespace", notes=("status-no-control-chars",))
def status_ends_in_next_line(environ, start_response):
    """The reason ends in U+0085, which str.strip() takes for whitespace."""
    start_response("200 Et\xc3\x85", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-no-surrounding-whitespace", notes=("status-no-control-chars",))
def status_ends_in_latin1_space(environ, start_response):
    """The reason ends in a no-break space, which str.strip() takes for whitespace."""
    start_response("200 Voil\xc3\xa0", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-code-and-reason")
def status_with_one_letter(environ, start_response):
    """A reason of one letter is a reason."""
    start_response("200 X", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-code-three-digits", "http-status-code-class")
def status_of_extension(environ, start_response):
    """A code that no registry knows, within the classes of HTTP."""
    start_response("299 Custom", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-code-three-digits", "http-status-code-class")
def status_last_of_all(environ, start_response):
    """The last code that belongs to a class."""
    start_response("599 Custom", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("http-status-code-class")
def status_as_in_the_pep(environ, start_response):
    """The code that the PEP's own example gives, fine by the PEP and in no class of HTTP."""
    start_response("999 Message here", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("http-status-code-class")
def status_below_all_classes(environ, start_response):
    """A code below 100."""
    start_response("099 Low", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("http-status-code-class")
def status_above_all_classes(environ, start_response):
    """A code just above the classes."""
    start_response("600 X", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-single-space", "status-no-surrounding-whitespace")
def status_with_spaces_in_reason(environ, start_response):
    """Further spaces inside a reason mean nothing."""
    start_response("200 All  is   well", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-single-space", "status-code-and-reason")
def status_with_number_in_reason(environ, start_response):
    """The reason is a number."""
    start_response("429 60", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-code-and-reason", "status-no-surrounding-whitespace")
def status_with_punctuation(environ, start_response):
    """The reason is punctuation."""
    start_response("418 :-)", [("Content-Type", "text/plain")])
    return [b"x"]
