import type { Sentences } from "../sentences.ts";

/** What is wrong with a request, and with what it brings. */
export const REQUEST_PROBLEMS = {
  INPUT_INVALID: ["输入无效：{problem}。", "请修正指出的字段后重新提交。"],
  INPUT_UNKNOWN_FIELD: ["未知字段 {field}。", "请删除它或改正拼写；清单的字段见手册，API 的字段见 /api/openapi.json。"],
  INPUT_UNKNOWN_PARAMETER: ["未知的查询参数 {field}。", "请删除它或改正拼写；此地址接受 {known}。"],
  BODY_TOO_LARGE: ["请求体超过 {limitBytes} 字节。", "请减小内容；发布包应分段上传。"],
  METHOD_NOT_ALLOWED: ["此地址不支持 {method}。", "可用：{allowed}；见 /api/openapi.json。"],
  MEDIA_TYPE_UNSUPPORTED: ["无法读取这种类型的请求体。", "请以 {expected} 发送。"],
  TOKEN_MISSING: ["没有提供访问令牌。", "请发送 `Authorization: Bearer …`；`evenkeel login` 会保存一个令牌。"],
  TOKEN_UNKNOWN: ["访问令牌未知、已吊销或已过期。", "请申请新的令牌：`evenkeel token create`。"],
  LOGIN_LINK_USED: [
    "登录链接已被使用过。",
    "请重新生成：`evenkeel open`；如果不是您本人使用的，请吊销您不认识的会话。",
  ],
  LOGIN_LINK_UNKNOWN: ["登录链接未知或已过期。", "请重新生成：`evenkeel open`；或使用访问令牌登录。"],
  ORIGIN_FOREIGN: [
    "请求来自其他来源的页面，或没有表明来自控制台。",
    "请从控制台自己的地址打开；程序应发送 `Authorization: Bearer …` 而不是 cookie。",
  ],
  HOST_CREDENTIAL_NEEDED: [
    "此接口仅供代理使用，而 {principal} 使用的是访问令牌。",
    "请由代理自行获取所需内容；`evenkeel package list` 可列出现有内容。",
  ],
  PERMISSION_MISSING: ["{principal} 没有 {permission} 权限。", "请向可以创建令牌的人申请带有此权限的令牌。"],
  NOT_FOUND: ["不存在 {resource}。", "请检查名称或标识；可先列出已有的内容。"],
  ALREADY_EXISTS: ["{resource} 已存在。", "请使用已有的，或换一个名称。"],
  VERSION_CONFLICT: ["{resource} 在此期间已被他人修改。", "请重新读取后再次修改。"],
  IDEMPOTENCY_KEY_REUSED: ["此 Idempotency-Key 已用于另一个请求体。", "新请求请使用新的键。"],
  IDEMPOTENCY_KEY_BUSY: ["使用此 Idempotency-Key 的第一个请求仍在处理中。", "请用同一个键再次发送。"],
  ANSWER_SEALED: [
    "此 Idempotency-Key 是用另一个访问令牌使用的，其回答含有只有该令牌才能再次读取的秘密。",
    "请用该令牌请求；或撤销已创建的内容并使用新的键。",
  ],
  OUTCOME_UNKNOWN: ["数据库的回答丢失：操作可能已完成，也可能没有。", "请先读取该资源，再决定是否重试。"],
  INTERNAL: ["平台内部出现错误。", "请重试；若持续出现，请报告跟踪号 {traceId}。"],
  UNAVAILABLE: ["{what} 暂时不可用。", "请稍后重试；`evenkeel doctor` 会说明缺少什么。"],
  PACKAGE_DIGEST_MISMATCH: ["收到的内容摘要为 {actual}，而不是 {expected}。", "请重新上传。"],
  PACKAGE_VERSION_TAKEN: [
    "{application} 的版本 {version} 已存在，且内容不同（{digest}）。",
    "请换一个版本号：版本一经上传不再改变。",
  ],
  PACKAGE_NOT_FOUND: ["没有 {application} 的发布包 {version}。", "请先上传。"],
  PACKAGE_EMPTY: ["{folder} 中没有可打包的内容。", "请检查该文件夹，以及 .evenkeelignore 或 .gitignore 排除了什么。"],
  PACKAGE_UNREADABLE: ["无法读取压缩包：{problem}。", "请打包为 .tar、.tar.gz 或 .zip 后重新上传。"],
  PACKAGE_UNSAFE: ["压缩包被拒绝：条目 {entry} {problem}。", "请移除该条目后重新打包。"],
  PACKAGE_WITHOUT_FILES: ["压缩包中没有文件。", "请检查打包的内容；`tar tf` 或 `unzip -l` 可以列出。"],
  PACKAGE_TOO_LARGE: ["压缩包解开后超过 {limitBytes} 字节或 {limitEntries} 个条目。", "请减少打包的内容。"],
  UPLOAD_OFFSET_WRONG: ["上传已进行到第 {offset} 字节。", "请从该处继续。"],
  CONSENT_MISSING: ["{title} 无法撤回，而这里没有人可以确认。", "请明确表示：`--yes`。"],
  RESTORED: [
    "系统已从 {takenAt} 的备份恢复，此后进行到哪一步无从得知。",
    "请查看有哪些变动：`evenkeel restoration`；然后继续、回滚或关闭。",
  ],
  HOST_MOVED: ["服务器 {host} 与备份中的记录不一致：{differences}。", "请重新发布该服务或回滚，使服务器与记录一致。"],
  RESTORE_NOT_EMPTY: ["不会覆盖正在使用的系统进行恢复：{where}。", "请恢复到空文件夹或空数据库。"],
  BACKUP_UNREADABLE: ["无法读取备份 {file}：{problem}。", "请另做一份备份：`evenkeel backup`。"],
  BACKUP_NEWER: ["备份由版本 {version} 生成，比当前版本新。", "请用该版本或更新的版本恢复。"],
  SECRET_KEY_MISSING: [
    "此控制面没有得到安装的密钥，因此既不能保存也不能读取{what}。",
    "请将 EVENKEEL_SECRET_KEY_FILE 设为至少有 32 个随机字符的文件，所有副本相同。",
  ],
  SECRET_KEY_FOREIGN: [
    "此控制面得到的密钥不是加密{what}时所用的密钥。",
    "请将 EVENKEEL_SECRET_KEY_FILE 设为安装的密钥（备份中有），或重新提交该机密。",
  ],
  OBJECT_MISSING: ["发布包或技术栈所指的内容 {digest} 不在对象存储中。", "请找回该文件，或重新上传发布包。"],
} as const satisfies Record<string, Sentences>;
