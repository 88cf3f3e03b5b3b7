import type { Sentences } from "../sentences.ts";

/** What goes wrong with bases, hot modules and rules of traffic. */
export const MODULE_PROBLEMS = {
  HAPROXY_MISSING: [
    "网关的驱动是 haproxy，但没有安装 {oldest} 或更新的 HAProxy。",
    "请安装它（Debian 软件包 `haproxy`），或设置 EVENKEEL_GATEWAY_DRIVER=node。",
  ],
  PROCESS_UNKNOWN: ["基座没有流程 {process}。", "请查看创建基座时给出的 `processes`。"],
  BUSINESS_UNKNOWN: ["流程 {process} 中没有符合这些属性的业务。", "请添加一个条件相符的业务。"],
  COMPONENT_ABSENT: ["没有模块为业务 {business} 提供 {point}。", "请发布带有该组件的模块，或将该扩展点设为可选。"],
  MODULE_FILE_INVALID: ["{file}：{problem}。", "请修正指出的字段；见手册中关于模块的部分。"],
  MODULE_BUILD_FAILED: ["模块 {module} 无法构建：{problem}。", "请修正指出的内容后重新构建。"],
  BUNDLE_INVALID: ["该构建包不是模块的构建包：{problem}。", "请用 `evenkeel module build` 构建。"],
  BUNDLE_CORRUPT: ["构建包的摘要是 {found}，而不是 {expected}。", "请重新发送：它在途中损坏或被替换。"],
  BUNDLE_UNREADABLE: ["无法读取构建包 {path}：{problem}。", "请把它放到该处，然后重试。"],
  DEPENDENCY_MISSING: [
    "模块 {module} 需要 {library} {range}，而基座没有共享它。",
    "请在基座中共享它，或不写入 `needs.libraries` 以便随模块打包。",
  ],
  LIBRARY_ABSENT: [
    "基座共享 {library}，但它旁边没有安装该库。",
    "请在那里安装（`npm install {library}`），或不再共享它。",
  ],
  DEPENDENCY_CONFLICT: [
    "模块 {module} 需要 {library} {range}，而基座共享的是 {found}。",
    "请调整基座或模块的版本，或让模块自带。",
  ],
  DEPENDENCY_UNDECLARED: [
    "模块 {module} 引用了 {library}，它既不在构建包中，也不在 `needs.libraries` 中。",
    "请在那里写明，或重新构建模块。",
  ],
  SERVICE_MISSING: [
    "模块 {module} 需要服务 {service} {range}，而没有人提供。",
    "请先安装提供它的模块，或将该依赖设为可选。",
  ],
  MODULES_CIRCLE: [
    "模块之间循环依赖彼此的服务：{circle}。",
    "请让其中一个把该依赖写成 `optional: true`：对方就位后即会绑定。",
  ],
  SERVICE_TAKEN: ["{name} 已由 {holder} 提供。", "请换一个名称，或先卸载那个模块。"],
  SERVICE_ABSENT: ["目前没有人提供服务 {service} {range}。", "请发布提供它的模块。"],
  SERVICE_METHOD_ABSENT: ["服务 {service} {version} 没有方法 {method}。", "请使用带有该方法的版本。"],
  UPGRADE_UNDECLARED: [
    "模块 {module} 在 {path} 下接受协议升级，但其清单中没有这条路由。",
    "请把它加入 `provides.routes`，或使用清单中的路径。",
  ],
  UPGRADE_REFUSED: ["模块 {module} 在 {path} 下不接受协议升级。", "请用普通 HTTP 访问，或发布接受升级的版本。"],
  UPGRADE_REQUIRED: [
    "模块 {module} 在 {path} 下只接受协议升级（如 WebSocket）。",
    "请在那里打开 WebSocket；基座的服务器须把 `upgrade` 交给 `base.upgrade`。",
  ],
  MODULE_LOAD_FAILED: ["模块 {module} 在加载时抛出异常：{problem}。", "请查看堆栈；基座没有任何改变。"],
  MODULE_ACTIVATION_FAILED: ["模块 {module} 无法激活：{problem}。", "请查看堆栈；之前提供服务的继续提供。"],
  MODULE_ACTIVATION_TIMEOUT: [
    "模块 {module} 在 {seconds} 秒内没有激活。",
    "请查看其 `activate` 在等待什么；之前提供服务的继续提供。",
  ],
  MODULE_INCOMPLETE: [
    "模块 {module} 的清单声明提供 {kind} {name}，而其 `activate` 没有给出。",
    "请在 `activate` 中返回它，或从 module.yaml 中去掉。",
  ],
  MODULE_ABSENT: ["此基座没有安装模块 {module}。", "请查看已安装的内容：list。"],
  MODULE_VERSION_TAKEN: ["模块 {module} 已安装，且内容不同：{found}。", "请给新的构建一个自己的版本号。"],
  MODULE_BUSY: ["另一个操作（{operation}）正在处理模块 {module}。", "请等待其结束后重试。"],
  MODULE_STATE_WRONG: ["模块 {module} 处于 {state}，因此不能执行 {operation}。", "请查看允许的操作：list。"],
  MODULE_LEAVING: ["模块 {module} 正在退出。", "请重试：会由另一个版本应答。"],
  MODULE_FAILED: ["模块 {module} 失败：{problem}。", "请查看其堆栈和日志。"],
  MODULE_BLOCKED: [
    "模块 {module} 在 {frame} 中占用事件循环 {blockedMs} 毫秒。",
    "请把这类工作拆小，或放到单独的线程中：inline 模块可改为 `isolation: worker`，worker 模块可自行启动线程。",
  ],
  MODULE_OVER_LIMIT: [
    "模块 {module} 超出限制：{measure} {value}，上限 {most}。",
    "请查看其图表；发布修正后的版本或提高限制。",
  ],
  MODULE_CRASHED: ["模块 {module} 的工作线程已结束：{problem}。", "请查看其日志；除非已被驱逐，否则会再次启动。"],
  MODULE_PATCHES: ["模块 {module} 修改了属于所有模块的内容：{names}。", "请不要改动它们；改动已被还原。"],
  BASE_MUST_RESTART: ["无法让基座摆脱模块 {module}：{problem}。", "请排空基座后重启它。"],
  BASE_OPERATION_UNKNOWN: ["基座没有操作 {operation}。", "请查看基座的协议。"],
  BASE_ABSENT: ["槽位 {slot} 中没有基座。", "请启动其服务；进程打开 EVENKEEL_BASE_SOCKET 所指的套接字后即为基座。"],
  BASE_UNREACHABLE: ["基座没有应答：{problem}。", "请检查其进程是否存活、事件循环是否在运转，然后重试。"],
  ARKLET_FAILED: ["基座对 {command} 的回答是 {code}：{problem}。", "请查看基座自己的日志；此前服务的版本仍在服务。"],
  ARKLET_UNSUPPORTED: ["使用 Arklet API 的基座没有 {operation}。", "在那里，激活即对外服务：只有安装、切换和卸载。"],
  ARKLET_NAMES: ["基座中有 Evenkeel 无法命名的模块：{modules}。", "请使用小写名称和语义化版本；在此之前不会操作它们。"],
  MODULE_UPLOADED: ["{module} 此前已上传过，且内容不同（{digest}）。", "请给新的构建一个自己的版本号。"],
  BASE_CLUSTER_IN_USE: ["基座集群 {cluster} 中有 {bases} 个基座。", "请先把它们移走：`evenkeel base-cluster move`。"],
  BASES_NONE: [
    "{where} 中没有符合 {selector} 的基座。",
    "请查看 `evenkeel base-cluster bases`；进程运行后基座才会出现。",
  ],
  BASES_OFFLINE: ["{count} 个基座都没有应答。", "请检查它们的服务器和进程，然后重试。"],
  BASE_CLUSTER_IS_BUFFER: [
    "基座集群 {cluster} 是缓冲池：其中的基座保持为空。",
    "请发布到其他集群；扩容时会从缓冲池取用基座。",
  ],
  BASE_CLUSTER_NO_BUFFER: ["基座集群 {cluster} 不是缓冲池。", "请写用 `--buffer` 创建的集群。"],
  BASE_THERE: ["{bases}：已在 {cluster} 中。", "对它们无需操作；请不要包含它们。"],
  MODULES_SO: ["{title}：每个基座上都已如此。", "无需操作。"],
  MODULE_VERSION_UNCLEAR: ["那里有 {module} 的多个版本：{versions}。", "请用 `--module-version` 指明。"],
  RULE_NEVER_MATCHES: [
    "规则 {rule} 永远不会起作用：{problem}。",
    "请改正它的条件，给它更小的优先级，收窄排在它之前的规则，或去掉它。",
  ],
  RULE_CONFLICT: [
    "规则 {rule} 与 {other} 的优先级都是 {priority}，同一个请求可能同时符合两者。",
    "请给其中一个换一个优先级：数值小的先判断。",
  ],
  RULE_REGEX_UNSAFE: [
    "规则 {rule} 的表达式 {regex} 不被接受：{problem}。",
    "请以 ^ 锚定，不要重复嵌套，或使用 exact、in、prefix。",
  ],
  RULE_TARGET_UNKNOWN: [
    "规则 {rule} 指向 {target}，而 {service} 没有它。",
    "请写已上传的版本，或工作空间中的部署单元或服务器。",
  ],
  RULE_SHARES_WRONG: ["规则 {rule} 的份额合计为 {sum} %。", "请使其合计为 100。"],
  TRAFFIC_ALREADY_SO: [
    "{workspace} 的流量已经如此。",
    "无需操作；`evenkeel traffic-rule list`、`evenkeel cell list` 和 `evenkeel host list` 可查看现状。",
  ],
  CELL_LEFT_EMPTY: [
    "部署单元 {cell} 中的用户会找不到 {service} 的实例。",
    "请在同一变更中把另一台服务器移入其中，先把其用户切走（`evenkeel cell switch`），或以 `allowGap: true` 表示同意。",
  ],
  HOST_CELL_MOVES_USERS: [
    "{host} 所在的部署单元决定它为谁服务，因此只能通过变更来改变。",
    "请运行 `evenkeel host move {host} --cell {cell}`，或创建带有 `hosts` 的 route-change。",
  ],
  CELL_MOVES_USERS: [
    "部署单元 {cell} 的属性决定谁为谁服务，因此只能通过变更来改变。",
    "请运行 `evenkeel cell edit {cell}` 并给出目标属性，或创建带有 `cells` 的 route-change。",
  ],
  CELL_UNFIT: ["部署单元不适用：{problem}。", "`evenkeel cell list` 显示工作空间的部署单元及其权重。"],
  SPLIT_FILE_INVALID: ["{file}：{problem}。", "请修正该文件；docs/guide/modules.md 中有示例。"],
  TRAFFIC_FILE_INVALID: ["{file}：{problem}。", "请修正该文件；docs/guide/traffic.md 中有全部字段。"],
  CERTIFICATE_INVALID: [
    "证书 {name} 未被接受：{problem}。",
    "请提交 PEM：先是主机的证书，然后是其上级证书，以及不带口令的私钥。",
  ],
  CERTIFICATE_KEY_MISSING: ["证书 {name} 没有附带私钥。", "请以 PEM 提交与其配对的私钥。"],
  CERTIFICATE_KEY_FOREIGN: ["该私钥不属于证书 {name}。", "请提交与其配对的私钥；正在使用的证书保持不变。"],
  CERTIFICATE_ENDED: ["证书 {name} 已于 {endedAt} 过期。", "请提交仍有效的证书；正在使用的证书保持不变。"],
  TLS_DOOR_NONE: [
    "工作空间 {workspace} 没有任何网关监听 TLS：其证书不为任何人提供服务。",
    "请用 EVENKEEL_GATEWAY_TLS_PORT=7743 启动；单独运行的网关请设置 EVENKEEL_GATEWAY_TLS_LISTEN。",
  ],
  CERTIFICATE_ENDING: ["证书 {name} 将于 {endsAt} 过期。", "请用下一张证书替换它；不会丢失任何连接。"],
  CERTIFICATE_NAMES_NOBODY: [
    "证书 {name} 没有写明任何主机，因此不会用于任何请求。",
    "请提交写有主机名的证书，或将其设为默认证书。",
  ],
  RATE_LIMITED: [
    "{perSeconds} 秒内的请求超过了 {service} 的规则 {rule} 允许的 {requests} 个。",
    "请稍后再试，并降低频率。",
  ],
  CONCURRENCY_REACHED: ["按规则 {rule}，{service} 同时只处理 {requests} 个此类请求，且不能再排队。", "请稍后再试。"],
  CIRCUIT_OPEN: [
    "{service} 最近的请求有 {errorPercent} % 失败：{seconds} 秒内不再访问它。",
    "请稍后再试；并查看其实例的日志。",
  ],
  FAULT_INJECTED: ["{service} 的规则 {rule} 代替它应答，用于演练。", "无需处理；演练结束后移除该规则。"],
} as const satisfies Record<string, Sentences>;
