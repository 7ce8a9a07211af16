"""The relay as a Node-RED flow: json → switch → mqtt out, and json → join 100 or 1 s → http request."""
import json
import pathlib


def flow(port, qos):
    def node(name, kind, wires, **settings):
        # An identity that no setting's value is: those would be taken for references.
        return {"id": f"edge-{name}", "type": kind, "z": "edge", "x": 100, "y": 100,
                "wires": [[f"edge-{to}" for to in port] for port in wires], **settings}

    return [
        {"id": "edge", "type": "tab", "label": "edge"},
        {"id": "edge-broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(port), "clientid": "edge-node-red",
         "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60", "cleansession": True},
        node("in", "mqtt in", [["json"]], topic="sensors/#", qos=str(qos), datatype="utf8", broker="edge-broker"),
        node("json", "json", [["hot", "batch"]], property="payload", action="obj", pretty=False),
        node("hot", "switch", [["out"]], property="payload.temp", propertyType="msg", checkall="true", repair=False,
             outputs=1, rules=[{"t": "gt", "v": "80", "vt": "num"}]),
        node("out", "mqtt out", [], topic="alarm/t", qos=str(qos), retain="false", broker="edge-broker"),
        node("batch", "join", [["upload"]], mode="custom", build="array", property="payload", propertyType="msg",
             joiner="\\n", joinerType="str", accumulate=False, timeout="1", count="100", reduceRight=False),
        node("upload", "http request", [[]], method="POST", ret="txt", paytoqs="ignore",
             url="http://127.0.0.1:18080/upload", persist=True, senderr=False, headers=[]),
    ]


SETTINGS = """module.exports = {
  uiHost: "127.0.0.1", uiPort: %d, httpAdminRoot: false, httpNodeRoot: false, diagnostics: { enabled: false },
  telemetry: { enabled: false, updateNotification: false }, runtimeState: { enabled: false },
  logging: { console: { level: "warn", metrics: false, audit: false } }, externalModules: { autoInstall: false } };
"""


def command(program, folder, port, qos, ui_port):
    """What starts it, with all its files in `folder`. `program`: red.js."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.js").write_text(SETTINGS % ui_port)
    (folder / "flow.json").write_text(json.dumps(flow(port, qos)))
    return ["node", str(program), "-u", str(folder), "-s", str(folder / "settings.js"), str(folder / "flow.json")]
