"""Drives Genesys Cloud, or what stands in for it, with the vendor's SDK for Python, and knows nothing of convstream.

Usage: python3 drive.py < plan.json > findings.json

The plan and the findings are those of plan_test.go. Every body that is sent and every answer goes through the SDK's
typed models; what is told are the models' members, so that one which a model does not know, or an enum's word that it
does not know, is lost on the way. Instants are told in epoch milliseconds, within a conversation as the platform writes
them.
"""

import ast
import datetime
import inspect
import json
import re
import sys
import time
import urllib.parse

import PureCloudPlatformClientV2 as sdk
from PureCloudPlatformClientV2.rest import ApiException

client = sdk.ApiClient()
api = sdk.AnalyticsApi(client)


class Text:
    """What the SDK's deserialize takes for an answer."""

    def __init__(self, data):
        self.data = data

    def getheader(self, _name):
        return "application/json"


def model(data, name):
    return client.deserialize(Text(json.dumps(data)), name)


def instant(at):
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError(f"{at} has no zone")
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(milliseconds=1)


def members(value):
    """The members of a model, under the names that they have on the wire."""
    if isinstance(value, datetime.datetime):
        at = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds") + "Z"
    if isinstance(value, list):
        return [members(v) for v in value]
    if isinstance(value, dict):
        return {k: members(v) for k, v in value.items()}
    if hasattr(value, "attribute_map"):
        told = ((name, getattr(value, attribute)) for attribute, name in value.attribute_map.items())
        return {name: members(v) for name, v in told if v is not None}
    return value


def told(conversation):
    return {
        "id": conversation.conversation_id,
        "start": instant(conversation.conversation_start),
        "end": instant(conversation.conversation_end),
        "whole": members(conversation),
    }


def enter(platform, plan, secret=None):
    """The SDK wants a region's host, and speaks to others through its gateway settings only."""
    url = urllib.parse.urlsplit(platform)
    client.set_gateway(url.hostname, url.scheme, url.port, "", "")
    client.get_client_credentials_token(plan["clientId"], secret or plan["clientSecret"])


def refusal(call, *args):
    """What the SDK raises for an answer that is none of success."""
    try:
        call(*args)
    except ApiException as raised:
        headers = {name.lower(): value for name, value in raised.headers.items()}
        body = client.deserialize(Text(raised.body), "ErrorBody")
        return {"status": raised.status, "headers": headers, "body": members(body)}
    return {"status": 0}


def submit(body):
    return api.post_analytics_conversations_details_jobs(model(body, "AsyncConversationQuery")).job_id


def query_page(body):
    return api.post_analytics_conversations_details_query(model(body, "ConversationQuery"))


def available():
    return instant(api.get_analytics_conversations_details_jobs_availability().data_availability_date)


def run(job, plan):
    job_id = submit(job["body"])
    found = {"name": job["name"], "states": [], "pages": [], "conversations": []}
    while True:
        status = api.get_analytics_conversations_details_job(job_id)
        if found["states"][-1:] != [status.state]:
            found["states"].append(status.state)
        if status.state not in ("QUEUED", "PENDING"):
            break
        time.sleep(plan["pollMs"] / 1000)
    found["submitted"] = instant(status.submission_date)
    found["completed"] = instant(status.completion_date)
    found["expires"] = instant(status.expiration_date)
    options = {"page_size": plan["pageSize"]}
    while True:
        page = api.get_analytics_conversations_details_job_results(job_id, **options)
        conversations = page.conversations or []
        found["pages"].append({"rows": len(conversations), "available": instant(page.data_availability_date)})
        found["conversations"] += map(told, conversations)
        if not page.cursor:
            return found
        options["cursor"] = page.cursor


def cancel(body):
    job_id = submit(body)
    before = api.get_analytics_conversations_details_job(job_id).state
    api.delete_analytics_conversations_details_job(job_id)
    status = client.last_response.status
    return {
        "before": before,
        "status": status,
        "after": api.get_analytics_conversations_details_job(job_id).state,
        "results": refusal(api.get_analytics_conversations_details_job_results, job_id),
    }


def query(body, page_size):
    """Reads pages up to and with the first one that has no conversations."""
    found = {"totalHits": [], "pages": [], "conversations": []}
    number = 1
    while True:
        page = query_page(body | {"paging": {"pageSize": page_size, "pageNumber": number}})
        conversations = page.conversations or []
        found["totalHits"].append(page.total_hits)
        found["pages"].append(len(conversations))
        found["conversations"] += map(told, conversations)
        if not conversations:
            return found
        number += 1


# The members of a job's body that take a word of an enum, and the models that they are members of. A resolution has no
# dimensions.
FILTERS = {
    "conversationFilters": sdk.ConversationDetailQueryPredicate,
    "segmentFilters": sdk.SegmentDetailQueryPredicate,
    "evaluationFilters": sdk.EvaluationDetailQueryPredicate,
    "surveyFilters": sdk.SurveyDetailQueryPredicate,
    "resolutionFilters": sdk.ResolutionDetailQueryPredicate,
}


def words(model_class, attribute):
    """A model's words for an enum, which stand in the setter only."""
    source = inspect.getsource(getattr(model_class, attribute).fset)
    return ast.literal_eval(re.search(r"allowed_values = (\[.*?\])", source, re.DOTALL).group(1))


def vocabulary(body):
    """For each enum the SDK's words, and how the platform refuses another word: it lists its own."""
    enums = []

    def compare(name, model_class, attribute, bad):
        enums.append({"name": name, "words": words(model_class, attribute), "refused": refusal(submit, body | bad)})

    compare("order", sdk.AsyncConversationQuery, "order", {"order": "none"})
    compare("orderBy", sdk.AsyncConversationQuery, "order_by", {"orderBy": "none"})
    for filters, predicate in FILTERS.items():
        for kind in ("dimension", "metric", "operator"):
            if not hasattr(predicate, kind):
                continue
            bad = {"type": "metric", "metric": words(predicate, "metric")[0], "operator": "exists", kind: "none"}
            if kind == "dimension":
                bad["type"] = kind
            compare(f"{filters} {kind}", predicate, kind, {filters: [{"type": "and", "predicates": [bad]}]})
    return enums


def plain(plan, refusals):
    refusals["wrong secret"] = refusal(enter, plan["plain"], plan, "wrong")
    client.access_token = "nobody gave this out"
    refusals["wrong token"] = refusal(available)
    enter(plan["plain"], plan)
    findings = {"available": available(), "cancelled": cancel(plan["jobs"][0]["body"])}
    findings["jobs"] = [run(job, plan) for job in plan["jobs"]]
    findings["query"] = query(plan["query"], plan["queryPageSize"])
    for bad in plan["badJobs"]:
        refusals[bad["name"]] = refusal(submit, bad["body"])
    refusals["query too long"] = refusal(query_page, plan["longQuery"])
    refusals["unknown job"] = refusal(api.get_analytics_conversations_details_job, plan["unknownJob"])
    findings["enums"] = vocabulary(plan["jobs"][0]["body"])
    return findings


def main(plan):
    refusals = {}
    findings = plain(plan, refusals)
    body = plan["jobs"][0]["body"]

    # Submits a job where one is too many. The SDK itself waits for as long as it is told to, and submits again.
    enter(plan["busy"], plan)
    submit(body)
    submit(body)

    enter(plan["unhelpful"], plan)
    submit(body)
    refusals["too many, unhelpfully"] = refusal(submit, body)

    enter(plan["agent"], plan)
    refusals["agent availability"] = refusal(available)
    refusals["agent job"] = refusal(submit, body)

    enter(plan["nobody"], plan)
    refusals["nobody job"] = refusal(submit, body)
    return findings | {"refusals": refusals}


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
