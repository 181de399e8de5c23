"""Number pools, printers, labels, tags bound anew."""

from api.command_routes.route import DECIDED, MADE, NAMED, CommandRoute
from warehouse import commands
from warehouse.commands import RefusalCode

_JOB = "5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"

ROUTES = (
    CommandRoute(
        commands.CreateNumberPool,
        "/v1/number-pools",
        "number_pools_create",
        "tags",
        "Create a pool of numbers for new tags",
        "SGTIN-96 serials of an item, or SSCC-96 of an extension digit and company prefix; each is given once.",
        {"name": "A-100-2026", "scheme": "sgtin", "item": "A-100", "prefix_digits": 7, "first": 1, "last": 999999},
        MADE,
    ),
    CommandRoute(
        commands.SetPrinter,
        "/v1/printers",
        "printers_set",
        "tags",
        "Name a label printer",
        "One that takes ZPL over TCP.",
        {"name": "dock-printer", "host": "192.0.2.20"},
        NAMED,
    ),
    CommandRoute(
        commands.SetLabelTemplate,
        "/v1/label-templates",
        "label_templates_set",
        "tags",
        "Say what a label looks like",
        "ZPL with fields such as `{item}`, `{lot}` and `{epc}`, each in a ^FD after ^FH_. The tag's encoding is added.",
        {"name": "carton", "zpl": "^XA^FO40,40^A0N,40^FH_^FD{item} {lot}^FS^FO40,100^BCN,80^FH_^FD{epc}^FS^XZ"},
        NAMED,
    ),
    CommandRoute(
        commands.PrintLabels,
        "/v1/print-jobs",
        "print_jobs_create",
        "tags",
        "Print and encode labels",
        "Gives each a number of its pool. A tag stands for something once its label was read back.",
        {
            "printer": "dock-printer",
            "template": "carton",
            "labels": [{"pool": "A-100-2026", "count": 12, "item": "A-100", "lot": "L-2026-014"}],
        },
        (*NAMED, RefusalCode.SHORT, RefusalCode.EXISTS),
    ),
    CommandRoute(
        commands.VerifyLabels,
        "/v1/print-jobs/verify",
        "print_jobs_verify",
        "tags",
        "Labels were read back",
        "Each tag now stands for what its label was printed for. An EPC that was read back before is refused.",
        {"epcs": ["3034257BF7194E4000001A85"]},
        (*MADE, RefusalCode.WRONG_STATE),
    ),
    CommandRoute(
        commands.VoidLabel,
        "/v1/print-jobs/void",
        "print_jobs_void",
        "tags",
        "A label was spoilt",
        "Its number is not given again.",
        {"epc": "3034257BF7194E4000001A85", "reason": "torn"},
        NAMED,
    ),
    CommandRoute(
        commands.RetryPrintJob,
        "/v1/print-jobs/retry",
        "print_jobs_retry",
        "tags",
        "Print a job again",
        "One that failed, or whose labels were lost; not once any of them was read back.",
        {"job_id": _JOB},
        DECIDED,
    ),
    CommandRoute(
        commands.CancelPrintJob,
        "/v1/print-jobs/cancel",
        "print_jobs_cancel",
        "tags",
        "Do not print a job",
        "One that is queued or failed; its labels are void.",
        {"job_id": _JOB},
        NAMED,
    ),
    CommandRoute(
        commands.RebindTag,
        "/v1/tags/rebind",
        "tags_rebind",
        "tags",
        "Let a tag stand for something else",
        "Not while its goods are in stock or on a packing list. History keeps what it stood for.",
        {"epc": "3034257BF7194E4000001A85", "item": "A-100", "lot": "L-2026-015", "reason": "label reused"},
        (*MADE, RefusalCode.WRONG_STATE),
    ),
)
