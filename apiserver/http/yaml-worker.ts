import { parentPort, workerData } from 'node:worker_threads'
import { StatusError } from '../../apimachinery/status-error.ts'
import { decodeYamlText } from './decode-yaml.ts'

/** What a thread that parses YAML sends back: JSON, or the text of the BadRequest that it deserves. */
export type YamlAnswer =
  { readonly json: string; readonly duplicates: readonly string[] } | { readonly refused: string }

function answerFor(text: string): YamlAnswer {
  try {
    const { value, duplicates } = decodeYamlText(text)
    return { json: JSON.stringify(value), duplicates }
  } catch (error) {
    if (error instanceof StatusError) return { refused: error.message }
    throw error
  }
}

parentPort?.postMessage(answerFor(workerData as string))
