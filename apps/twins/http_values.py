"""Applications and what HTTP says of the values of their headers."""

from __future__ import annotations

from conformance.driver.twins import bad_app, good_app


@bad_app("http-field-value-whitespace")
def value_after_space(environ, start_response):
    """A value begins with the space that is written after the colon."""
    start_response("200 OK", [("Content-Type", " text/plain")])
    return [b"x"]


@bad_app("http-field-value-whitespace")
def value_before_space(environ, start_response):
    """A value ends with a space."""
    start_response("200 OK", [("Content-Type", "text/plain "), ("X-A", "")])
    return [b"x"]


@bad_app("http-field-value-whitespace", also=("http-content-length-valid",))
def value_of_length_after_space(environ, start_response):
    """Content-Length is padded."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", " 1")])
    return [b"x"]


@good_app("http-field-value-whitespace")
def value_with_inner_space(environ, start_response):
    """Values hold spaces, end in a no-break space, or are empty."""
    start_response("200 OK", [("Content-Type", "text/plain;  a=b"), ("X-A", "\xa0"), ("X-B", "")])
    return [b"x"]


@bad_app("http-etag-valid")
def etag_without_quotes(environ, start_response):
    """The entity tag is not quoted."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", "x")])
    return [b"x"]


@bad_app("http-etag-valid")
def etag_in_single_quotes(environ, start_response):
    """The entity tag is in the wrong quotes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("etag", "'x'")])
    return [b"x"]


@bad_app("http-etag-valid")
def etag_weak_in_lower_case(environ, start_response):
    """The mark of a weak tag is in lower case."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", 'w/"x"')])
    return [b"x"]


@bad_app("http-etag-valid")
def etag_of_star(environ, start_response):
    """The star of If-None-Match is no tag."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", "*")])
    return [b"x"]


@bad_app("http-etag-valid")
def etag_with_space(environ, start_response):
    """A space is inside the tag."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", '"x y"')])
    return [b"x"]


@bad_app("http-etag-valid")
def etag_list(environ, start_response):
    """Two tags stand in one value."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", '"x", "y"')])
    return [b"x"]


@good_app("http-etag-valid")
def etag_weak(environ, start_response):
    """A weak tag."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", 'W/"x"')])
    return [b"x"]


@good_app("http-etag-valid", "headers-latin1-only")
def etag_odd(environ, start_response):
    """A tag may be empty, hold a backslash, or bytes beyond ASCII."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", '"\\\xe9\xff!"')])
    return [b"x"]


@good_app("http-etag-valid")
def etag_empty(environ, start_response):
    """A tag of no characters is a tag."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("ETag", '""')])
    return [b"x"]
