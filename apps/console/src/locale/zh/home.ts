import type { home as en } from "../en/home.ts";

export const home = {
  "home.lead": "{workspace} 中正在运行的、正在变更的，以及等待您处理的",
  "home.mine": "等待您处理（{count}）",
  "home.moving": "正在变更",
  "home.moving.none": "当前没有变更，风平浪静。",
  "home.running": "正在运行",
  "home.running.none": "这里还没有运行任何应用",
  "home.running.none.hint": "可以从一个文件夹发布应用，也可以使用上方的“新建发布”。",
  "home.route.none": "无路由",
  "home.instances": "{healthy} / {total} 健康",
  "home.today": "今日变更",
  "home.today.none": "今天还没有变更结束。",
  "home.health": "健康状况",
  "home.health.good": "一切平稳",
  "home.health.warn": "有情况需要关注",
  "home.health.bad": "出现故障",
  "home.health.hosts": "{online} / {total} 台服务器在线",
  "home.health.instances": "{troubled} 个实例异常",
} as const satisfies Record<keyof typeof en, string>;
