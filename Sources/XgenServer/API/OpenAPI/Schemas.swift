/// The document's components: shapes that several operations share.
enum Schemas {
  static let all: [(String, JSONValue)] =
    [
      ("Error", error), ("Sandbox", sandbox), ("SandboxOrder", sandboxOrder),
      ("Resources", resources), ("ExecOrder", execOrder), ("ExecResult", execResult),
      ("ExecTimeout", execTimeout), ("Service", service),
      ("PreviewLinkOrder", previewLinkOrder), ("PreviewLink", previewLink),
      ("FileEntry", fileEntry), ("TokenOrder", tokenOrder),
      ("Token", token),
    ] + administration

  static func reference(_ name: String) -> JSONValue {
    ["$ref": .string("#/components/schemas/\(name)")]
  }

  static func list(of name: String) -> JSONValue {
    ["type": "array", "items": reference(name)]
  }

  static let text: JSONValue = ["type": "string"]
  /// A text in a query.
  static let queryText: JSONValue = ["type": "string", "pattern": .string(withoutNUL)]
  static let status: JSONValue = [
    "enum": ["starting", "running", "stopping", "stopped", "error"]
  ]
  static let time: JSONValue = ["type": "string", "format": "date-time"]
  static let url: JSONValue = ["type": "string", "format": "uri"]
  /// A text that a program can be given.
  static let withoutNUL = #"^[^\u0000]*$"#

  private static let error: JSONValue = [
    "type": "object",
    "required": ["error", "code"],
    "properties": [
      "error": ["type": "string", "description": "For a person."],
      "code": ["type": "string", "description": "For a program."],
      "details": ["type": "string"],
    ],
  ]

  private static let sandbox: JSONValue = [
    "type": "object",
    "required": [
      "id", "status", "template", "ws_url", "preview_urls", "vnc_url", "created_at", "expires_at",
      "metadata",
    ],
    "additionalProperties": false,
    "properties": [
      "id": ["type": "string"],
      "status": status,
      "status_reason": ["type": "string", "description": "Why it is in `error`."],
      "template": ["type": "string"],
      "ws_url": url,
      "preview_urls": [
        "type": "object", "description": "By port.", "additionalProperties": url,
      ],
      "vnc_url": [
        "type": ["string", "null"], "format": "uri",
        "description": "The page of its desktop; null without gui.",
      ],
      "vnc_password": [
        "type": "string",
        "description": """
        What that page asks for. On create and get, with gui, for callers with sandbox:exec.
        """,
      ],
      "preview_access": [
        "const": "private", "description": "Absent where previews are public.",
      ],
      "preview_host": [
        "const": "localhost", "description": "Absent where servers get the client's own Host.",
      ],
      "network": [
        "enum": networks, "description": "What it reaches; absent where others decide that.",
      ],
      "created_at": time,
      "expires_at": time,
      "metadata": ["type": "object", "additionalProperties": ["type": "string"]],
    ],
  ]

  private static let sandboxOrder: JSONValue = [
    "type": "object",
    "properties": [
      "template": [
        "enum": .array(SandboxOrder.templates.map { .string($0) } + [nil]), "default": "base",
      ],
      "timeout_seconds": timeoutSeconds,
      "resources": ["oneOf": [["type": "null"], reference("Resources")]],
      "env": environment(
        named: #"^(?!(PATH|HOME|USER|SHELL)$)(?!KUBERNETES_|LD_|SANDBOX_)[A-Za-z_][A-Za-z0-9_]*$"#,
        atMost: Limits.maxEnvEntries),
      "ports": [
        "type": ["array", "null"], "maxItems": .int(Int64(Limits.maxPorts)), "uniqueItems": true,
        "items": ["type": "integer", "minimum": 1, "maximum": 65535],
      ],
      "gui": ["type": ["boolean", "null"], "default": false],
      "metadata": metadata,
      "preview_access": [
        "enum": .array(PreviewAccess.allCases.map { .string($0.rawValue) } + [nil]),
        "description": "Who may see previews; the default is the server's.",
      ],
      "preview_host": [
        "enum": .array(PreviewHostField.allCases.map { .string($0.rawValue) } + [nil]),
        "default": "original",
        "description": "`localhost`: servers get Host `localhost:{port}` and an Origin to match.",
      ],
      "network": [
        "enum": .array(SandboxNetwork.allCases.map { .string($0.rawValue) } + [nil]),
        "description": """
        What it reaches beside its own loopback; unless asked for, and at most, what the server's \
        --local-network says. `internet`: public addresses, not the host, nor private networks.
        """,
      ],
    ],
  ]

  private static let networks: JSONValue = .array(
    SandboxNetwork.allCases.map { .string($0.rawValue) })

  private static let timeoutSeconds: JSONValue = [
    "type": ["integer", "null"], "minimum": .int(.min), "maximum": .int(.max),
    "description": "Lifetime; 0 or less is the default, above the maximum is clamped.",
  ]

  private static let metadata: JSONValue = [
    "type": ["object", "null"],
    "maxProperties": .int(Int64(Limits.maxMetadataEntries)),
    "propertyNames": ["maxLength": .int(Int64(Limits.maxMetadataKeyBytes))],
    "additionalProperties": [
      "type": "string", "maxLength": .int(Int64(Limits.maxMetadataValueBytes)),
    ],
    "description": "Lengths are in bytes of UTF-8.",
  ]

  private static func environment(named pattern: String, atMost count: Int) -> JSONValue {
    [
      "type": ["object", "null"],
      "maxProperties": .int(Int64(count)),
      "propertyNames": ["pattern": .string(pattern), "maxLength": 256],
      "additionalProperties": [
        "type": "string", "maxLength": .int(Int64(Limits.maxEnvValueBytes)),
        "pattern": .string(withoutNUL),
      ],
    ]
  }

  private static let resources: JSONValue = [
    "type": "object",
    "description": "Kubernetes quantities. Below 50m and 32Mi they are raised to that.",
    "properties": [
      "cpu": [
        "type": ["string", "null"], "examples": ["500m", "2"],
        "pattern": #"^([0-3](\.[0-9]{1,3})?|4|[1-9][0-9]{0,2}m|[1-3][0-9]{3}m|4000m)$"#,
      ],
      "memory": [
        "type": ["string", "null"], "examples": ["512Mi", "2Gi"],
        "pattern": #"^([1-4]Gi|[1-9][0-9]{0,2}Mi|[1-9][0-9]{0,8})$"#,
      ],
      "disk": [
        "type": ["string", "null"], "examples": ["2Gi"],
        "pattern": #"^([1-9]Gi|10Gi|[1-9][0-9]{0,2}Mi|[1-9][0-9]{0,8})$"#,
      ],
    ],
  ]

  private static let execOrder: JSONValue = [
    "type": "object",
    "required": ["command"],
    "properties": [
      "command": ["type": "string", "minLength": 1, "pattern": .string(withoutNUL)],
      "args": [
        "type": ["array", "null"], "maxItems": .int(Int64(Limits.maxExecArguments)),
        "items": ["type": "string", "pattern": .string(withoutNUL)],
      ],
      "env": environment(named: "^[A-Za-z_][A-Za-z0-9_]*$", atMost: 1024),
      "cwd": ["type": ["string", "null"], "pattern": .string(withoutNUL)],
      "timeout_seconds": [
        "type": ["integer", "null"], "minimum": 1,
        "maximum": .int(Int64(Limits.maxExecSeconds)),
        "default": .int(Int64(Limits.defaultExecSeconds)),
      ],
      "stdin": ["type": ["string", "null"]],
      "encoding": [
        "enum": ["utf-8", "utf8", "base64", nil], "default": "utf-8",
        "description": "Of stdout and stderr in the answer.",
      ],
    ],
  ]

  private static let output: [(String, JSONValue)] = [
    ("stdout", ["type": "string"]), ("stderr", ["type": "string"]),
    ("truncated", ["type": "boolean", "description": "Output over 10 MiB was dropped."]),
  ]

  private static let execResult: JSONValue = [
    "type": "object",
    "required": ["exit_code", "stdout", "stderr"],
    "additionalProperties": false,
    "properties": .members([("exit_code", ["type": "integer"])] + output),
  ]

  private static let execTimeout: JSONValue = [
    "allOf": [
      reference("Error"),
      [
        "type": "object", "required": ["stdout", "stderr", "truncated"],
        "properties": .members(output),
      ],
    ]
  ]

  private static let service: JSONValue = [
    "type": "object",
    "required": ["port", "preview_url"],
    "additionalProperties": false,
    "properties": [
      "port": ["type": "integer", "minimum": 1, "maximum": 65535], "preview_url": url,
    ],
  ]

  private static let previewLinkOrder: JSONValue = [
    "type": "object",
    "properties": [
      "expires_in_seconds": [
        "type": ["integer", "null"], "minimum": .int(.min), "maximum": .int(.max),
        "description": .string(
          "0 or less is a day; above \(Limits.maxPreviewLinkSeconds) is clamped."),
      ]
    ],
  ]

  private static let previewLink: JSONValue = [
    "type": "object",
    "required": ["url", "expires_at"],
    "additionalProperties": false,
    "properties": ["url": url, "expires_at": time],
  ]

  private static let fileEntry: JSONValue = [
    "type": "object",
    "description": "Times are Unix seconds; both spellings of a name mean the same.",
    "required": ["name", "size", "isDir", "is_dir", "modTime", "mod_time"],
    "additionalProperties": false,
    "properties": [
      "name": text, "size": ["type": "integer", "minimum": 0],
      "isDir": ["type": "boolean"], "is_dir": ["type": "boolean"],
      "modTime": ["type": "integer"], "mod_time": ["type": "integer"],
    ],
  ]

  private static let tokenOrder: JSONValue = [
    "type": "object", "required": ["api_key"], "properties": ["api_key": ["type": "string"]],
  ]

  private static let token: JSONValue = [
    "type": "object",
    "required": ["token", "expires_at"],
    "additionalProperties": false,
    "properties": ["token": ["type": "string"], "expires_at": time],
  ]
}
