"""Several requests in one (learn.microsoft.com/graph/json-batching): 20 at most, each with its own status."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emailint.errors import ProtocolFailed
from emailint.graph_client.answers import AGAIN, TRY_LATER, Answer, Refused
from emailint.graph_client.attempts import FOR_ONE_MAIL, SHORT, TRIES, pause_before
from emailint.graph_client.limits import A_MAILBOX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from emailint.graph_client.client import GraphClient

AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch; harmless to repeat. `path` begins after `/v1.0`."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


def ask(
    client: GraphClient, parts: Sequence[Part], *, one_mail: bool = False, served: bool = False
) -> Iterator[tuple[Answer, Refused | None]]:
    """Each part's answer, and its refusal if it is one, in order: one request alone, more in batches.

    With `one_mail` each part is about a mail of its own, which keeps the others no longer than `Attempts`
    says: then its refusal may be one that passes. `served`: Graph does the same for others, so that it is not
    the mailbox that has to wait; a time that a part of a batch names is for that part. Raises SourceErrors.
    """
    if len(parts) == 1 and not served:
        (part,) = parts
        try:
            yield client.request(part.method, part.path, part.body, one_mail=one_mail), None
        except Refused as refused:
            yield Answer(refused.status, {}, b""), refused
        return
    try:
        for _, answer in run_batch(client, parts, one_mail=one_mail, served=served):
            yield answer, Refused(answer) if answer.status >= 300 else None
    except Refused as refused:
        raise refused.explained(client.settings.mailbox) from None


def run_batch(
    client: GraphClient, parts: Sequence[Part], *, one_mail: bool = False, served: bool = False
) -> Iterator[tuple[Part, Answer]]:
    """The answer to each part, refusals among them, in the order of the parts; 20 at a time.

    Parts that Graph asks to send later are sent again, and they alone, when it says; with `one_mail` those
    that do not concern the mailbox no longer than others may have to wait. Raises SourceErrors; what was
    yielded before is done.
    """
    for start in range(0, len(parts), AT_ONCE):
        together = parts[start : start + AT_ONCE]
        answers = _together(client, together, one_mail=one_mail, served=served)
        served = served or any(answer.status < 300 for answer in answers.values())
        for number, part in enumerate(together):
            yield part, answers[number]


def _together(
    client: GraphClient, parts: Sequence[Part], *, one_mail: bool, served: bool
) -> dict[int, Answer]:
    """Answers by number. A batch takes all the slots of its mailbox: Graph works on 4 parts of it at once."""
    done: dict[int, Answer] = {}
    tries, renewed = 0, False
    while len(done) < len(parts):
        token = client.settings.tokens.token()
        answers = _sent(client, {number: part for number, part in enumerate(parts) if number not in done})
        again = set()
        if not renewed and any(answer.status == 401 for answer in answers.values()):
            renewed = True
            client.settings.tokens.renewed(token)
            again = {number for number, answer in answers.items() if answer.status == 401}
        busy = {number for number, answer in answers.items() if answer.status in TRY_LATER}
        tries += bool(busy)
        served = served or any(answer.status < 300 for answer in answers.values())
        if one_mail and served:
            busy = {number for number in busy if _is_waited_for(answers[number], tries)}
        done.update({number: answers[number] for number in answers.keys() - again - busy})
        if busy:
            _wait(client, [answers[number] for number in busy], tries)
    return done


def _is_waited_for(answer: Answer, tries: int) -> bool:
    """Whether others wait for this part, though they were answered: all are throttled, or it is not long."""
    if answer.status == 429:
        return tries < TRIES
    return tries < FOR_ONE_MAIL and pause_before(tries, answer.wait) <= SHORT


def _wait(client: GraphClient, refused: Sequence[Answer], tries: int) -> None:
    """As long as the most patient part asks for; raises where there is no time, or it was too often."""
    worst = max((Refused(answer) for answer in refused), key=lambda each: each.wait or 0.0)
    error = worst.explained(client.settings.mailbox)
    if tries >= TRIES:
        raise error
    seconds = pause_before(tries, worst.wait)
    for answer in refused:
        client.hold(Refused(answer), seconds)
    client.wait(seconds, error)


def _sent(client: GraphClient, parts: Mapping[int, Part]) -> dict[int, Answer]:
    asked = {"requests": [_request(number, part) for number, part in parts.items()]}
    answer = client.request("POST", "/$batch", asked, slots=A_MAILBOX)
    responses = answer.mapping().get("responses")
    found = {}
    by_id = {str(number): number for number in parts}
    for response in responses if isinstance(responses, list) else ():
        number = by_id.get(str(response.get("id"))) if isinstance(response, dict) else None
        if number is not None and isinstance(response.get("status"), int):
            found[number] = _answer(response, answer.ids)
    if len(found) != len(parts):
        raise ProtocolFailed(
            f"Graph left {len(parts) - len(found)} parts unanswered ({answer.ids})", hint=AGAIN
        )
    return found


def _request(number: int, part: Part) -> dict[str, Any]:
    headers = {"Prefer": 'IdType="ImmutableId"'}
    request: dict[str, Any] = {"id": str(number), "method": part.method, "url": part.path}
    if part.body is not None:
        headers["Content-Type"] = "application/json"
        request["body"] = part.body
    return {**request, "headers": headers}


def _answer(response: Mapping[str, Any], ids: str) -> Answer:
    headers = response.get("headers")
    said = (
        {str(name).title(): str(value) for name, value in headers.items()}
        if isinstance(headers, dict)
        else {}
    )
    named = said.get("Request-Id")
    return Answer(
        response["status"],
        said,
        json.dumps(response.get("body")).encode(),
        f"request-id {named}, {ids}" if named and "request-id" not in ids else ids,
    )
