import { Aggregator, type AggregatorDeps } from './aggregator.ts'
import { publishAuthenticationConfig, type RequestHeaderConfig } from './authentication-config.ts'
import { LocalServices, type LocalServicesDeps } from './local-services.ts'

export type AggregationOptions = LocalServicesDeps &
  AggregatorDeps & {
    /** What servers behind this one need to know to believe it. */
    readonly requestHeader: RequestHeaderConfig
  }

/** Lists what is served, and passes on what others serve. */
export async function startAggregation(options: AggregationOptions): Promise<Aggregator> {
  await new LocalServices(options).start()
  await publishAuthenticationConfig(options.local, options.requestHeader)
  const aggregator = new Aggregator(options)
  await aggregator.start()
  return aggregator
}
