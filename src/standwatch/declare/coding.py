"""The manifest of a coding agent that is watched by its host's hooks: what everybody starts with.

Everyday work inside the workspace goes through unasked; what leaves it, destroys, publishes or touches credentials is
asked about. The hook adds to what the host says of a call: `paths`, every file it names with its links resolved, inside
the workspace relative to it; `where`, the worst place among them; `workspace`. Nothing here is taken from the model.
"""

from collections.abc import Iterable
from typing import Final, Literal

from standwatch.declare.lock import quoted

Kind = Literal["shell", "read", "write", "fetch", "search", "inner", "publish", "never"]
"""What a tool of a host is: `inner` has no effect of its own (a plan, a question, a sub-agent whose calls come by
themselves); `publish` sends something to where others see it; `never` is an event that its hook could not read."""

TOOLS: Final[dict[str, dict[Kind, str]]] = {
    "claude-code": {
        "shell": "Bash Monitor",
        "read": "Read Glob Grep LS LSP NotebookRead",
        "write": "Edit MultiEdit Write NotebookEdit",
        "fetch": "WebFetch",
        "search": "WebSearch",
        "inner": "Agent ListAgents Task TaskCreate TaskGet TaskList TaskUpdate TaskOutput TaskStop TodoRead TodoWrite "
        "BashOutput KillShell AskUserQuestion EnterPlanMode ExitPlanMode EnterWorktree ExitWorktree Skill "
        "SlashCommand ToolSearch ReportFindings ListMcpResourcesTool StructuredOutput",
        "publish": "CronCreate CronDelete RemoteTrigger ScheduleWakeup PushNotification Artifact Workflow SendMessage "
        "SendFeedback",
        "never": "unreadable",
    },
    "codex": {
        "shell": "Bash",
        "read": "view_image",
        "write": "apply_patch",
        "search": "web_search",
        "inner": "update_plan request_user_input get_goal create_goal update_goal spawn_agent "
        "send_input wait close_agent",
        "never": "unreadable",
    },
    "cursor": {
        "shell": "Shell",
        "read": "Read Grep Glob SemanticSearch LS ReadLints",
        "write": "Write Edit StrReplace Delete EditNotebook TabWrite",
        "fetch": "WebFetch",
        "search": "WebSearch",
        "inner": "Task TodoWrite AskQuestion CreatePlan SwitchMode Await",
        "never": "unreadable",
    },
    "gemini-cli": {
        "shell": "run_shell_command",
        "read": "read_file read_many_files list_directory glob grep_search search_file_content",
        "write": "write_file replace",
        "fetch": "web_fetch",
        "search": "google_web_search",
        "inner": "write_todos ask_user enter_plan_mode exit_plan_mode invoke_agent complete_task activate_skill "
        "get_internal_docs update_topic take_snapshot list_mcp_resources tracker_create_task tracker_update_task "
        "tracker_get_task tracker_list_tasks tracker_add_dependency tracker_visualize",
        "publish": "save_memory",
        "never": "unreadable",
    },
}
"""Host → kind → its tools, by the names that its hooks say."""

HOSTS: Final = tuple(TOOLS)

HOOK_TELLS: Final = ("where", "workspace", "cwd", "around")
"""Arguments of a host's own tools that only its hook gives: it refuses a call that brings one."""


def told_by(judged: str, seam: str, tool: str, pointer: str) -> str:
    """Whence the argument at `pointer` is, for people: `hook` where the hook told it, else as it was `judged`."""
    ours = seam == "hook" and tool.partition(".")[0] in TOOLS and pointer.split("/", 2)[1:2]
    return "hook" if judged == "model" and ours and ours[0] in HOOK_TELLS else judged


_SHELL: Final = """\
    effect: irreversible            # the most that a command line may do
    effect_by: command              # each call has the effect of what it runs
    unruled: any
    otherwise: step_up
    arguments:
      command:
        reads_as: shell
        required: true
        from: [task, trusted, model]            # its URLs, hosts and packages: what an outsider wrote is asked about
      where: {one_of: [workspace, scratch]}     # where it starts"""
_READ: Final = """\
    effect: read
    otherwise: step_up
    arguments:
      paths: {reads_as: path}
      where: {one_of: [workspace, scratch, system]}"""
_WRITE: Final = """\
    effect: write
    unruled: any
    otherwise: step_up
    arguments:
      paths: {reads_as: path, required: true}
      where: {one_of: [workspace, scratch], required: true}"""
_FETCH: Final = """\
    effect: read
    otherwise: step_up
    arguments:
      url: {reads_as: url, urls: read}          # stands in the task, or was read as it stands
      prompt: {carries: {from: any}, urls: read}"""
_SEARCH: Final = """\
    effect: read
    otherwise: step_up"""
_INNER: Final = """\
    effect: read
    unruled: any"""
_PUBLISH: Final = """\
    effect: irreversible
    otherwise: step_up
    intent: [publish, notify, send, share]     # never what is scheduled: it comes back as words of the user"""
_NEVER: Final = """\
    effect: read
    per_run: 0"""
_RULES: Final[dict[Kind, str]] = {
    "shell": _SHELL,
    "read": _READ,
    "write": _WRITE,
    "fetch": _FETCH,
    "search": _SEARCH,
    "inner": _INNER,
    "publish": _PUBLISH,
    "never": _NEVER,
}


def draft_coding(
    hosts: Iterable[str], system: str, owner: str, validator: str = "", *, production: bool = False
) -> str:
    """`systems/{system}.yaml` for the coding agents `hosts` (of `HOSTS`). `owner`, `validator`: addresses; without a
    validator the owner is. Raises KeyError for a host that nobody knows."""
    named = tuple(hosts)
    lines = [
        "# Written by `standwatch hook … install`. Everything here is yours to change; `standwatch check` reads it.",
        f"system: {quoted(system)}",
        "purpose: 'A coding agent at work in a folder of code'",
        f"owner: {quoted(owner)}",
        f"halt_authority: [{quoted(owner)}]",
        f"validator: {quoted(validator or owner)}   # in production, somebody other than the owner",
        f"environment: {'production' if production else 'development'}",
        "reversibility: costly",
        "exposure: {people_per_week: 0}",
        "components:",
        *(f"  - {{kind: service, name: {quoted(host)}}}" for host in named),
        _CONTENT,
        "tools:",
    ]
    for host in named:
        lines += _tools(host)
    return "\n".join(lines) + "\n"


def _tools(host: str) -> list[str]:
    return [
        line
        for kind, names in TOOLS[host].items()
        for name in names.split()
        for line in (f"  {quoted(f'{host}.{name}')}:", _RULES[kind])
    ]


_CONTENT: Final = """\
content:
  rules:
    - {find: secrets, in: arguments, action: step_up, certain: true}
    - {find: secrets, in: answers, action: deny, certain: true}
    - {find: canaries, in: [prompts, arguments, answers], action: deny}
    - {find: [instructions, invisible, canaries], in: results, action: observe}"""
