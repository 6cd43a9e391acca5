import type { Tags } from 'yaml'

/**
 * How kubectl reads YAML 1.1: MAC addresses such as `52:54:00:12:34:56` are not numbers to the base of sixty, dates stay
 * texts, and a dot alone, as in `path: .`, is no number.
 */
export const kubernetesYaml = { version: '1.1', merge: true, customTags: kubernetesTags } as const

function kubernetesTags(tags: Tags): Tags {
  return tags.flatMap((tag): Tags => {
    if (typeof tag !== 'object') return [tag]
    if (tag.format === 'TIME' || tag.tag === 'tag:yaml.org,2002:timestamp') return []
    return tag.test?.test('.') === true ? [Object.assign({}, tag, { test: numberWithPoint })] : [tag]
  })
}

const numberWithPoint = /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/
