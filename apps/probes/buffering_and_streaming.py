"""PEP 3333, Buffering and Streaming: nothing waits for the application's next step."""

from conformance.probing import probe, request

BINARY = "application/octet-stream"
# Odd sizes beside round ones: a block just as large as some buffer would pass through it.
SIZES = (1, 1024, 1021, 65536, 70001, 3, 1)
# More than the kernels of both ends take (on Linux up to 4 MiB and the receive buffer), which is
# kept small. A window smaller than a loopback segment would stall any server for 200 ms at a time.
LARGE = 8 << 20
SMALL_WINDOW = 1 << 17


def block_of(number):
    """Return a block made of one byte that no head and no chunk framing holds."""
    return bytes(bytearray([0xA1 + number])) * SIZES[number]


def arrives(conversation, block, gate):
    """Wait for a block of one repeated byte before a gate is opened; tell whether it has come."""
    connection, mark = conversation.connection, block[:1]

    def come():
        # The length first: counting in mebibytes at every turn of the loop would take its time.
        received = connection.received
        return len(received) >= len(block) and received.count(mark) >= len(block)

    return conversation.comes_before(come, gate)


def called(conversation):
    """Return the application's call; without one the probe ends here."""
    return conversation.exchange(None if conversation.calls else conversation.response()).call


def step_by_step(inside, blocks):
    """Yield blocks; wait for leave to make each but the first, and end where it is refused."""
    for number, block in enumerate(blocks):
        if number and not inside.gate(f"after block {number - 1}"):
            return
        yield block


def declared(inside, size):
    """Return new headers, with or without the length of the body."""
    fields = [("Content-Type", BINARY)]
    return [*fields, ("Content-Length", str(size))] if inside.parameters["declared"] else fields


@probe("buffering-block-not-delayed")
def small_and_large_blocks(environ, start_response):
    """Every block, however small, comes before the application is asked to do more."""
    inside = environ["conformance.inside"]
    start_response("200 OK", declared(inside, sum(SIZES)))
    return step_by_step(inside, [block_of(number) for number in range(len(SIZES))])


@small_and_large_blocks.client
def _(client, verify):
    for version in ("1.1", "1.0"):
        for length in (False, True):
            conversation = client.open(declared=length)
            conversation.send(request(version=version, headers=[("Connection", "close")]))
            what = "HTTP/{}, {}".format(version, "length declared" if length else "no length")
            claim = verify("buffering-block-not-delayed")
            if not follow(conversation, claim, what):
                return
            conversation.close()


def follow(conversation, claim, what):
    """Let the application go from block to block; judge whether each comes in its time."""
    for number, size in enumerate(SIZES[:-1]):
        gate = f"after block {number}"
        arrived = arrives(conversation, block_of(number), gate)
        count = conversation.received.count(block_of(number)[:1])
        claim.true(
            called(conversation) and arrived,
            f"{what}: block {number + 1}, {size} bytes, comes before the next is made",
            f"{count} bytes of it came",
        )
        conversation.wait_gate(gate)
        conversation.open_gate(gate, arrived)
        if not arrived:
            return False
    conversation.response()
    return True


@probe("buffering-transmit-before-next")
def block_larger_than_buffers(environ, start_response):
    """A block that fits into no buffer comes whole while the application makes the next one."""
    inside = environ["conformance.inside"]
    start_response("200 OK", declared(inside, LARGE + 4))
    return step_by_step(inside, [b"\xfe" * LARGE, b"last"])


@block_larger_than_buffers.client
def _(client, verify):
    for length in (False, True):
        # A small window, for the server's kernel to take as little of the block as it may.
        conversation = client.open(receive_buffer=SMALL_WINDOW, declared=length)
        conversation.send(request(headers=[("Connection", "close")]))
        arrived = arrives(conversation, b"\xfe" * LARGE, "after block 0")
        verify("buffering-transmit-before-next").true(
            called(conversation) and arrived,
            f"all {LARGE} bytes come while the next block is being made",
            "{} of them came".format(conversation.received.count(b"\xfe")),
        )
        conversation.wait_gate("after block 0")
        conversation.open_gate("after block 0", arrived)
        conversation.close()
        if not arrived:
            return


BOUNDARY = b"conformance-part"
PART_SIZE = 100000


def part(number):
    """Return one part; the line end before the next boundary belongs to the next one."""
    payload = bytes(bytearray([0xA1 + number])) * PART_SIZE
    return b"\r\n--" + BOUNDARY + b"\r\nContent-Type: image/x-probe\r\n\r\n" + payload


@probe("buffering-push-in-full")
def server_push(environ, start_response):
    """Each part of a server push comes whole, before the application makes the next."""
    inside = environ["conformance.inside"]
    kind = "multipart/x-mixed-replace; boundary=" + BOUNDARY.decode("ascii")
    start_response("200 OK", [("Content-Type", kind)])
    return step_by_step(inside, [part(0), part(1), part(2), b"\r\n--" + BOUNDARY + b"--\r\n"])


@server_push.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request(headers=[("Connection", "close")]))
    for number in range(3):
        payload = part(number)[-PART_SIZE:]
        gate = f"after block {number}"
        arrived = arrives(conversation, payload, gate)
        verify("buffering-push-in-full").true(
            called(conversation) and arrived,
            f"part {number + 1} comes whole before part {number + 2} is made",
            f"{conversation.received.count(payload[:1])} of its {PART_SIZE} bytes came",
        )
        conversation.wait_gate(gate)
        conversation.open_gate(gate, arrived)
        if not arrived:
            return
    conversation.response()
    conversation.close()
